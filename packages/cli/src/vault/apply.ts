import { z } from 'zod';
import type { VaultCall } from './call.ts';
import { VaultSetupError } from './error.ts';

type VaultAccess = {
  /** Such as `https://vault.example:8200`. */
  address: string;
  /** May write mounts, policies and roles; used here and kept nowhere. */
  token: string;
};

/**
 * Makes the calls in order and stops at the first that Vault refuses.
 *
 * @throws VaultSetupError `vault-setup-refused` with Vault's own reason.
 */
export async function applyVaultSetup({
  address,
  token,
  calls,
}: VaultAccess & { calls: readonly VaultCall[] }): Promise<void> {
  for (const call of calls) {
    const { secret } = call;
    const hidden = secret === undefined ? {} : { [secret.field]: secret.value.reveal() };
    const { status, body } = await send(
      { address, token },
      { ...call, body: { ...call.body, ...hidden } },
    );
    if (status === 200 || status === 204) continue;
    const reasons = Errors.safeParse(body).data?.errors ?? [];
    const { doneWhenRefusedWith: done } = call;
    if (status === 400 && done !== undefined && reasons.some((reason) => reason.includes(done))) {
      continue;
    }
    throw refused(call, status, reasons);
  }
}

/**
 * Makes a new secret id for the watchdog's AppRole. Earlier ones stay valid until they are destroyed.
 *
 * @throws VaultSetupError `vault-setup-refused`.
 */
export async function issueReaperSecretId({
  address,
  token,
  roleName,
}: VaultAccess & { roleName: string }): Promise<{ roleId: string; secretId: string }> {
  const path = `auth/approle/role/${roleName}`;
  const role = await answerOf(
    { address, token },
    { method: 'GET', path: `${path}/role-id` },
    z.object({ data: z.object({ role_id: z.string().min(1) }) }),
  );
  const secret = await answerOf(
    { address, token },
    { method: 'POST', path: `${path}/secret-id`, body: {} },
    z.object({ data: z.object({ secret_id: z.string().min(1) }) }),
  );
  return { roleId: role.data.role_id, secretId: secret.data.secret_id };
}

const Errors = z.object({ errors: z.array(z.string()) });

type Request = {
  method: 'GET' | 'POST' | 'PUT';
  path: string;
  body?: Readonly<Record<string, unknown>>;
};

async function answerOf<T>(
  access: VaultAccess,
  request: Request,
  schema: z.ZodType<T>,
): Promise<T> {
  const { status, body } = await send(access, request);
  const parsed = schema.safeParse(body);
  if (status === 200 && parsed.success) return parsed.data;
  throw refused(request, status, Errors.safeParse(body).data?.errors ?? []);
}

async function send(
  { address, token }: VaultAccess,
  { method, path, body }: Request,
): Promise<{ status: number; body: unknown }> {
  let response: Response;
  try {
    response = await fetch(`${address}/v1/${path}`, {
      method,
      // The token must not follow a redirect to another host.
      redirect: 'error',
      headers: { 'X-Vault-Token': token, 'Content-Type': 'application/json' },
      signal: AbortSignal.timeout(15_000),
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  } catch (cause) {
    throw new VaultSetupError(
      'vault-setup-refused',
      `cannot reach Vault at ${address} for ${method} ${path}; check the address and that it is running`,
      { cause },
    );
  }
  const text = await response.text();
  try {
    return { status: response.status, body: text === '' ? null : JSON.parse(text) };
  } catch {
    // A proxy's error page: the status says what there is to say.
    return { status: response.status, body: null };
  }
}

function refused(
  { method, path }: { method: string; path: string },
  status: number,
  reasons: readonly string[],
): VaultSetupError {
  const mend =
    status === 403
      ? 'use a token that may write sys/auth, sys/mounts, sys/policies and the mounts themselves'
      : 'mend what Vault names and run the set-up again; what is done already stays as it is';
  return new VaultSetupError(
    'vault-setup-refused',
    `Vault answered ${status} to ${method} ${path}: ${reasons.join('; ').trim() || 'no reason given'}; ${mend}`,
  );
}
