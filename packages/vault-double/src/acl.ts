/**
 * Vault's policies in JSON form: which path allows which capability. Written after the rules of Vault's documentation
 * ("Policies", priority matching): an exact path wins over every pattern, of the patterns the most specific one wins alone,
 * equal patterns of several policies add up, and `deny` wins over everything beside it.
 */
import { z } from 'zod';
import { ApiFailure, type Operation } from './api.ts';

const Capability = z.enum(['create', 'read', 'update', 'delete', 'list', 'sudo', 'deny', 'patch']);
type Capability = z.infer<typeof Capability>;

// Strict: a policy that uses more than this stand-in enforces is refused and not half obeyed.
const PolicyDocument = z.strictObject({
  path: z.record(z.string(), z.strictObject({ capabilities: z.array(Capability) })),
});

export type Policy = ReadonlyMap<string, ReadonlySet<Capability>>;

/** @throws ApiFailure 400 when the text is no JSON policy (HCL is not understood here) or uses more than capabilities. */
export function parsePolicy(text: string): Policy {
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch {
    throw new ApiFailure(400, 'failed to parse policy: this stand-in takes JSON policies only');
  }
  const parsed = PolicyDocument.safeParse(document);
  if (!parsed.success) {
    throw new ApiFailure(
      400,
      `failed to parse policy: ${parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`).join('; ')}`,
    );
  }
  return new Map(
    Object.entries(parsed.data.path).map(([path, rule]) => [path, new Set(rule.capabilities)]),
  );
}

/** Paths that need `sudo` beside the capability itself. */
const rootPaths = [
  /^sys\/leases\/(?:revoke-prefix|revoke-force|lookup)\/./,
  /^sys\/(?:revoke-prefix|revoke-force)\/./,
  /^sys\/auth\/./,
  /^auth\/token\/(?:accessors|revoke-orphan|create-orphan)/,
];

export function isAllowed(
  policies: readonly Policy[],
  path: string,
  operation: Operation | 'create',
): boolean {
  const capabilities = capabilitiesFor(policies, path, operation);
  if (capabilities.has('deny')) return false;
  if (rootPaths.some((pattern) => pattern.test(path)) && !capabilities.has('sudo')) return false;
  return capabilities.has(operation);
}

function capabilitiesFor(
  policies: readonly Policy[],
  path: string,
  operation: Operation | 'create',
): ReadonlySet<Capability> {
  const patterns = new Set(policies.flatMap((policy) => [...policy.keys()]));
  const winner =
    (patterns.has(path) && isExact(path) ? path : undefined) ??
    // A list is asked with a trailing slash that policies may leave out.
    (operation === 'list' && patterns.has(path.replace(/\/$/, ''))
      ? path.replace(/\/$/, '')
      : undefined) ??
    [...patterns]
      .filter((pattern) => !isExact(pattern) && matches(pattern, path))
      .sort(comparePriority)
      .at(-1);
  if (winner === undefined) return new Set();
  return new Set(policies.flatMap((policy) => [...(policy.get(winner) ?? [])]));
}

function isExact(pattern: string): boolean {
  return !pattern.endsWith('*') && !pattern.split('/').includes('+');
}

function matches(pattern: string, path: string): boolean {
  const isPrefix = pattern.endsWith('*');
  const wanted = (isPrefix ? pattern.slice(0, -1) : pattern).split('/');
  const found = path.split('/');
  if (isPrefix ? found.length < wanted.length : found.length !== wanted.length) return false;
  return wanted.every((segment, index) => {
    const actual = found[index] ?? '';
    if (segment === '+') return true;
    return isPrefix && index === wanted.length - 1
      ? actual.startsWith(segment)
      : actual === segment;
  });
}

/** Negative when `a` is the weaker pattern. */
function comparePriority(a: string, b: string): number {
  return (
    firstWildcard(a) - firstWildcard(b) ||
    Number(b.endsWith('*')) - Number(a.endsWith('*')) ||
    plusCount(b) - plusCount(a) ||
    a.length - b.length ||
    (a < b ? -1 : 1)
  );
}

function firstWildcard(pattern: string): number {
  const index = pattern.search(/\+|\*$/);
  return index === -1 ? pattern.length : index;
}

function plusCount(pattern: string): number {
  return pattern.split('/').filter((segment) => segment === '+').length;
}
