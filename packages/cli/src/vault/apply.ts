import { wireBody, type VaultCall } from './call.ts';
import { compareVaultSetup, type ComparedCall } from './compare.ts';
import { VaultSetupError } from './error.ts';
import { askVault, refused, type VaultAccess } from './http.ts';

/**
 * Brings Vault to what is planned: looks first, then makes the calls whose object is missing or differs, in order. Stops at
 * the first that Vault refuses. A second run writes nothing.
 *
 * @param options.rewriteSecrets makes also those calls that hold a secret, which Vault shows nobody and which therefore cannot
 *   be compared. Default false.
 * @returns how things stood before.
 * @throws VaultSetupError `vault-setup-conflict` and `vault-setup-invalid` before anything is written, `vault-setup-refused`,
 *   `vault-unreachable`.
 */
export async function applyVaultSetup({
  calls,
  rewriteSecrets = false,
  ...access
}: VaultAccess & {
  calls: readonly VaultCall[];
  rewriteSecrets?: boolean;
}): Promise<ComparedCall[]> {
  const compared = await compareVaultSetup(access, calls);
  await writeVaultSetup({ ...access, compared, rewriteSecrets });
  return compared;
}

/** The second half of `applyVaultSetup`, for who shows the comparison first. */
export async function writeVaultSetup({
  compared,
  rewriteSecrets = false,
  ...access
}: VaultAccess & {
  compared: readonly ComparedCall[];
  rewriteSecrets?: boolean;
}): Promise<void> {
  requireNoConflict(compared);
  requireComplete(compared.filter((each) => isWritten(each, rewriteSecrets)));
  for (const { call, state } of compared) {
    if (!isWritten({ call, state }, rewriteSecrets)) continue;
    const answer = await askVault(access, {
      method: call.method,
      path: call.path,
      body: wireBody(call),
    });
    if (answer.status === 200 || answer.status === 204) continue;
    // Somebody else may have made the mount since we looked.
    const [again] = await compareVaultSetup(access, [call]);
    if (call.path.startsWith('sys/') && again?.state === 'unchanged') continue;
    throw refused(call, answer);
  }
}

/** Whether a run would make this call. */
export function isWritten(
  { call, state }: Pick<ComparedCall, 'call' | 'state'>,
  rewriteSecrets: boolean,
): boolean {
  if (state === 'unchanged') return rewriteSecrets && call.secret !== undefined;
  return state === 'absent' || state === 'differs';
}

/** @throws VaultSetupError `vault-setup-conflict` that names every mount of another type. */
export function requireNoConflict(compared: readonly ComparedCall[]): void {
  const conflicts = compared
    .filter(({ state }) => state === 'conflict')
    .map(
      ({ call, differences }) =>
        `${call.path} is of type ${String(differences[0]?.found)} and has to be ${String(call.body['type'])}`,
    );
  if (conflicts.length === 0) return;
  throw new VaultSetupError(
    'vault-setup-conflict',
    `${conflicts.join('; ')}; nothing was written; name another mount in the target file, or move what is there`,
  );
}

function requireComplete(written: readonly ComparedCall[]): void {
  const missing = [...new Set(written.flatMap(({ call }) => call.incomplete ?? []))];
  if (missing.length === 0) return;
  throw new VaultSetupError('vault-setup-invalid', `${missing.join('; ')}; nothing was written`);
}

/**
 * Takes back what `calls` made, last first: mounts with all that is in them, policies, roles. Leases of a mount are revoked with
 * it. For installations that end, such as the demo at a Vault that goes on.
 *
 * @throws VaultSetupError `vault-setup-refused`, `vault-unreachable`.
 */
export async function removeVaultSetup({
  calls,
  ...access
}: VaultAccess & { calls: readonly VaultCall[] }): Promise<void> {
  for (const { path } of calls.toReversed()) {
    const request = { method: 'DELETE', path } as const;
    const answer = await askVault(access, request);
    // What stood in a mount went with it.
    if (![200, 204, 404, 405].includes(answer.status)) throw refused(request, answer);
  }
}
