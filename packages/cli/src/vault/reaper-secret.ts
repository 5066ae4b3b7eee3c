/** Secret ids of the watchdog's AppRole, as files that it reads. */
import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { VaultSetupError } from './error.ts';
import { answerOf, askVault, refused, type VaultAccess } from './http.ts';
import { requireName } from './targets.ts';

type RoleAccess = VaultAccess & { roleName: string };

/**
 * Makes a new secret id for the watchdog's AppRole. Earlier ones stay valid until they are destroyed.
 *
 * @throws VaultSetupError `vault-setup-refused`, `vault-unreachable`.
 */
export async function issueReaperSecretId({
  roleName,
  ...access
}: RoleAccess): Promise<{ roleId: string; secretId: string }> {
  const secret = await answerOf(
    access,
    { method: 'POST', path: `${rolePath(roleName)}/secret-id`, body: {} },
    z.object({ data: z.object({ secret_id: z.string().min(1) }) }),
  );
  return { roleId: await readRoleId({ ...access, roleName }), secretId: secret.data.secret_id };
}

/**
 * The same, but what comes back is a token that gives the secret id to whoever unwraps it first, once.
 *
 * @param request.wrapSeconds how long the token can be unwrapped.
 */
export async function issueWrappedReaperSecretId({
  roleName,
  wrapSeconds,
  ...access
}: RoleAccess & { wrapSeconds: number }): Promise<{ roleId: string; wrappingToken: string }> {
  const answer = await answerOf(
    access,
    { method: 'POST', path: `${rolePath(roleName)}/secret-id`, body: {}, wrapSeconds },
    z.object({ wrap_info: z.object({ token: z.string().min(1) }) }),
  );
  return {
    roleId: await readRoleId({ ...access, roleName }),
    wrappingToken: answer.wrap_info.token,
  };
}

/**
 * Writes `role-id` and `secret-id` (or `wrapped-secret-id`) into a directory, mode 0600, over earlier ones.
 *
 * @returns what was done, without any secret.
 * @throws VaultSetupError also `vault-setup-invalid` when a file cannot be written.
 */
export async function issueReaperSecretFiles({
  access,
  directory,
  roleName,
  wrapSeconds,
  endsOthers,
}: {
  access: VaultAccess;
  directory: string;
  roleName: string;
  /** Null for the secret id itself. */
  wrapSeconds: number | null;
  endsOthers: boolean;
}): Promise<string[]> {
  requireName(roleName);
  const role = { ...access, roleName };
  const earlier = endsOthers ? await secretIdAccessors(role) : [];
  const lines: string[] = [];
  if (wrapSeconds === null) {
    const { roleId, secretId } = await issueReaperSecretId(role);
    writePrivate(directory, 'role-id', roleId);
    writePrivate(directory, 'secret-id', secretId);
    lines.push(
      `${join(directory, 'role-id')}, ${join(directory, 'secret-id')}: for identity.roleIdFile and identity.secretIdFile of the watchdog, which takes a replaced secret id at its next login`,
    );
  } else {
    const { roleId, wrappingToken } = await issueWrappedReaperSecretId({ ...role, wrapSeconds });
    writePrivate(directory, 'role-id', roleId);
    writePrivate(directory, 'wrapped-secret-id', wrappingToken);
    lines.push(
      `${join(directory, 'role-id')}, ${join(directory, 'wrapped-secret-id')}: for identity.roleIdFile and identity.wrapped.tokenFile of the watchdog; start it within ${wrapSeconds} s`,
    );
  }
  for (const accessor of earlier) await destroySecretId(role, accessor);
  if (endsOthers) lines.push(`${earlier.length} earlier secret ids destroyed`);
  return lines;
}

const rolePath = (roleName: string): string => `auth/approle/role/${roleName}`;

async function readRoleId({ roleName, ...access }: RoleAccess): Promise<string> {
  const role = await answerOf(
    access,
    { method: 'GET', path: `${rolePath(roleName)}/role-id` },
    z.object({ data: z.object({ role_id: z.string().min(1) }) }),
  );
  return role.data.role_id;
}

async function secretIdAccessors({ roleName, ...access }: RoleAccess): Promise<string[]> {
  const path = `${rolePath(roleName)}/secret-id?list=true`;
  const answer = await askVault(access, { method: 'GET', path });
  if (answer.status === 404) return [];
  const Keys = z.object({ data: z.object({ keys: z.array(z.string()) }) });
  const parsed = Keys.safeParse(answer.body);
  if (answer.status !== 200 || !parsed.success) throw refused({ method: 'GET', path }, answer);
  return parsed.data.data.keys;
}

async function destroySecretId(
  { roleName, ...access }: RoleAccess,
  accessor: string,
): Promise<void> {
  const path = `${rolePath(roleName)}/secret-id-accessor/destroy`;
  const answer = await askVault(access, {
    method: 'POST',
    path,
    body: { secret_id_accessor: accessor },
  });
  // One that ended in between is what was asked for; OpenBao answers 500 to that.
  const isGone = answer.reasons.some((reason) => reason.includes('failed to find accessor'));
  if (answer.status !== 204 && answer.status !== 200 && !isGone) {
    throw refused({ method: 'POST', path }, answer);
  }
}

function writePrivate(directory: string, name: string, text: string): void {
  const file = join(directory, name);
  const unfinished = `${file}.new`;
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    rmSync(unfinished, { force: true });
    writeFileSync(unfinished, `${text}\n`, { mode: 0o600, flag: 'wx' });
    renameSync(unfinished, file);
  } catch (cause) {
    throw new VaultSetupError(
      'vault-setup-invalid',
      `${file} cannot be written; name a directory that is yours`,
      { cause },
    );
  }
}
