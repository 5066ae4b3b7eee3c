import type { Secret } from '@airlock/common/secret';

/** One request of the set-up, as an administrator could make it by hand. */
export type VaultCall = {
  /** For people, such as `policy airlock-reaper`. */
  what: string;
  method: 'POST' | 'PUT';
  /** Below `/v1/`. */
  path: string;
  body: Readonly<Record<string, unknown>>;
  /** A field of the body that is printed nowhere and that Vault does not show again. */
  secret?: { readonly field: string; readonly value: Secret; readonly from: string };
  /** Fields of the body that Vault does not show again. */
  unseen?: readonly string[];
  /** Written anew it would replace a key that others trust. */
  onlyWhenAbsent?: true;
  /** Why it can be compared and not written; what to give. */
  incomplete?: string;
};

/** The body as people may see it, with the place that its secret is from. */
export function printableBody({ body, secret }: VaultCall): Record<string, unknown> {
  return secret === undefined ? { ...body } : { ...body, [secret.field]: `<from ${secret.from}>` };
}

/** The body as it is sent. */
export function wireBody({ body, secret }: VaultCall): Record<string, unknown> {
  return secret === undefined ? { ...body } : { ...body, [secret.field]: secret.value.reveal() };
}

/** A secrets engine or an auth method; it may be there already, and then it stays as it is. */
export function mountCall(
  list: 'sys/auth' | 'sys/mounts',
  mount: string,
  { type, description }: { type: string; description: string },
): VaultCall {
  const place = list === 'sys/auth' ? `auth/${mount}` : mount;
  return {
    what: `mount ${place} (${type})`,
    method: 'POST',
    path: `${list}/${mount}`,
    body: { type, description },
  };
}
