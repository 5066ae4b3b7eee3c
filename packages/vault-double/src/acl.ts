/**
 * Vault's policies in JSON form: which path allows which capability, with which parameters and wrapped for how long. Written
 * after the rules of Vault's documentation ("Policies", priority matching): an exact path wins over every pattern, of the
 * patterns the most specific one wins alone, equal patterns of several policies add up, and `deny` wins over everything.
 */
import { z } from 'zod';
import {
  type Conditions,
  ParameterLists,
  areConditionsMet,
  conditionsOf,
  mergeConditions,
} from './acl-conditions.ts';
import { ApiFailure, type Operation, Ttl } from './api.ts';

const Capability = z.enum(['create', 'read', 'update', 'delete', 'list', 'sudo', 'deny', 'patch']);
type Capability = z.infer<typeof Capability>;

// Strict: a policy that uses more than this stand-in enforces is refused and not half obeyed.
const PolicyDocument = z.strictObject({
  path: z.record(
    z.string(),
    z.strictObject({
      capabilities: z.array(Capability),
      allowed_parameters: ParameterLists.optional(),
      denied_parameters: ParameterLists.optional(),
      required_parameters: z.array(z.string()).optional(),
      min_wrapping_ttl: Ttl.optional(),
      max_wrapping_ttl: Ttl.optional(),
    }),
  ),
});

type Rule = { capabilities: ReadonlySet<Capability>; conditions: Conditions };
export type Policy = ReadonlyMap<string, Rule>;

export type Wish = {
  path: string;
  operation: Operation | 'create';
  /** The body of a write or the query of a read. */
  parameters: Readonly<Record<string, unknown>>;
  /** How long the answer is to stay wrapped; null when it is not. */
  wrapSeconds: number | null;
};

/** @throws ApiFailure 400 when the text is no JSON policy (HCL is not understood here) or uses more than is enforced. */
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
    Object.entries(parsed.data.path).map(([path, rule]) => {
      const conditions = conditionsOf(rule);
      if (conditions.maxWrapSeconds > 0 && conditions.maxWrapSeconds < conditions.minWrapSeconds) {
        throw new ApiFailure(
          400,
          'failed to parse policy: max_wrapping_ttl cannot be less than min_wrapping_ttl',
        );
      }
      return [path, { capabilities: new Set(rule.capabilities), conditions }];
    }),
  );
}

/** Paths that need `sudo` beside the capability itself. */
const rootPaths = [
  /^sys\/leases\/(?:revoke-prefix|revoke-force|lookup)\/./,
  /^sys\/(?:revoke-prefix|revoke-force)\/./,
  /^sys\/auth\/./,
  /^sys\/leases$/,
  /^auth\/token\/accessors/,
];

export function isAllowed(policies: readonly Policy[], wish: Wish): boolean {
  const rule = ruleFor(policies, wish.path, wish.operation);
  if (rule === null || rule.capabilities.has('deny')) return false;
  const needsSudo = rootPaths.some((pattern) => pattern.test(wish.path));
  if (needsSudo && !rule.capabilities.has('sudo')) return false;
  return rule.capabilities.has(wish.operation) && areConditionsMet(rule.conditions, wish);
}

/** What `sys/capabilities` answers for a path: sorted, and `deny` alone when there is nothing. */
export function capabilitiesOn(policies: readonly Policy[], path: string): readonly string[] {
  const { capabilities } = ruleFor(policies, path, 'read') ?? {
    capabilities: new Set<Capability>(),
  };
  if (capabilities.size === 0 || capabilities.has('deny')) return ['deny'];
  return [...capabilities].sort();
}

function ruleFor(
  policies: readonly Policy[],
  path: string,
  operation: Operation | 'create',
): Rule | null {
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
  if (winner === undefined) return null;
  const rules = policies.flatMap((policy) => policy.get(winner) ?? []);
  return {
    capabilities: new Set(rules.flatMap((rule) => [...rule.capabilities])),
    conditions: mergeConditions(rules.map((rule) => rule.conditions)),
  };
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
