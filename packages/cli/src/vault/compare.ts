/** What of a planned set-up is at Vault already, and how the rest differs. Reads and writes nothing. */
import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import type { VaultCall } from './call.ts';
import { askVault, refused, type VaultAccess, type VaultAnswer } from './http.ts';

export type Difference = {
  readonly field: string;
  readonly found: unknown;
  readonly wanted: unknown;
};

export type ComparedCall = {
  readonly call: VaultCall;
  /** `conflict`: a mount of another type has the place. */
  readonly state: 'absent' | 'unchanged' | 'differs' | 'conflict';
  readonly differences: readonly Difference[];
};

const Data = z.object({ data: z.record(z.string(), z.unknown()) });
const Mounts = z.object({
  data: z.record(
    z.string(),
    z.looseObject({ type: z.string(), options: z.record(z.string(), z.string()).nullish() }),
  ),
});
export type Mounts = z.infer<typeof Mounts>['data'];

/** @throws VaultSetupError when Vault cannot be reached or refuses to show something. */
export async function compareVaultSetup(
  access: VaultAccess,
  calls: readonly VaultCall[],
): Promise<ComparedCall[]> {
  const mounts = await readMounts(access);
  const compared: ComparedCall[] = [];
  for (const call of calls) compared.push(await compareCall(access, mounts, call));
  return compared;
}

export async function readMounts(
  access: VaultAccess,
): Promise<Readonly<Record<'sys/auth' | 'sys/mounts', Mounts>>> {
  const list = async (path: string): Promise<Mounts> => {
    const answer = await askVault(access, { method: 'GET', path });
    const parsed = Mounts.safeParse(answer.body);
    if (answer.status !== 200 || !parsed.success) throw refused({ method: 'GET', path }, answer);
    return parsed.data.data;
  };
  return { 'sys/auth': await list('sys/auth'), 'sys/mounts': await list('sys/mounts') };
}

async function compareCall(
  access: VaultAccess,
  mounts: Awaited<ReturnType<typeof readMounts>>,
  call: VaultCall,
): Promise<ComparedCall> {
  const [, list, mount] = /^(sys\/auth|sys\/mounts)\/(.+)$/.exec(call.path) ?? [];
  if (mount !== undefined && (list === 'sys/auth' || list === 'sys/mounts')) {
    return compareMount(call, mounts[list][`${mount}/`]);
  }
  const data = await read(access, call.path);
  if (data === null) return { call, state: 'absent', differences: [] };
  if (call.onlyWhenAbsent === true) return { call, state: 'unchanged', differences: [] };
  const differences = differencesOf(call, data);
  return { call, state: differences.length === 0 ? 'unchanged' : 'differs', differences };
}

function compareMount(call: VaultCall, found: Mounts[string] | undefined): ComparedCall {
  if (found === undefined) return { call, state: 'absent', differences: [] };
  const wanted = call.body['type'];
  if (found.type === wanted) return { call, state: 'unchanged', differences: [] };
  const differences = [{ field: 'type', found: found.type, wanted }];
  return { call, state: 'conflict', differences };
}

/** Null when it is not there. */
async function read(
  access: VaultAccess,
  path: string,
): Promise<Readonly<Record<string, unknown>> | null> {
  const answer = await askVault(access, { method: 'GET', path });
  if (answer.status === 404 || isWithoutKey(answer)) return null;
  const parsed = Data.safeParse(answer.body);
  if (answer.status === 200 && parsed.success) {
    const { connection_details: details, ...data } = parsed.data.data;
    return { ...(z.record(z.string(), z.unknown()).safeParse(details).data ?? {}), ...data };
  }
  // An auth method that was never configured answers so.
  if (answer.status === 200) return null;
  throw refused({ method: 'GET', path }, answer);
}

/** What SSH and PKI mounts without an authority answer; the texts are those of Vault and of OpenBao. */
export function isWithoutKey({ status, reasons }: VaultAnswer): boolean {
  return (
    status === 400 &&
    reasons.some((reason) =>
      /keys haven't been configured|no default issuer|backend must be configured/.test(reason),
    )
  );
}

/** Every field of the body that Vault shows otherwise. What it shows beside the body is its own. */
export function differencesOf(
  { body, unseen = [] }: Pick<VaultCall, 'body' | 'unseen'>,
  found: Readonly<Record<string, unknown>>,
): Difference[] {
  return Object.entries(body).flatMap(([field, wanted]) =>
    unseen.includes(field) || isDeepStrictEqual(plain(field, wanted), plain(field, found[field]))
      ? []
      : [{ field, found: found[field] ?? null, wanted }],
  );
}

/** One form for what Vault writes in several: empty values, lists as text, networks of one address, JSON as text. */
function plain(field: string, value: unknown): unknown {
  if (field === 'policy' && typeof value === 'string') {
    try {
      return JSON.parse(value);
    } catch {
      // A policy in Vault's own language is none of ours.
      return value;
    }
  }
  const isEmpty =
    value === undefined || value === null || value === '' || value === false || value === 0;
  if (isEmpty) return null;
  if (Array.isArray(value)) {
    if (value.length === 0) return null;
    // Statements are run in order; everything else of a role is a set.
    return field.endsWith('_statements') ? value : value.map(trimmed).sort();
  }
  if (typeof value === 'object') return Object.keys(value).length === 0 ? null : value;
  return trimmed(value);
}

function trimmed(value: unknown): unknown {
  return typeof value === 'string' ? value.trim().replace(/\/(?:32|128)$/, '') : value;
}
