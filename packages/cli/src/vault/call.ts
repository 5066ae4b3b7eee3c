import type { Secret } from '@airlock/common/secret';

/** One request of the set-up, as an administrator could make it by hand. */
export type VaultCall = {
  method: 'POST' | 'PUT';
  /** Below `/v1/`. */
  path: string;
  body: Readonly<Record<string, unknown>>;
  /** A field of the body that is printed nowhere. */
  secret?: { readonly field: string; readonly value: Secret };
  /** Part of the 400 that means an earlier run did this already. */
  doneWhenRefusedWith?: string;
};

export const alreadyMounted = 'path is already in use';
