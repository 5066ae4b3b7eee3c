/** Vouching as it is where the roster lists nobody's passkeys: nobody has to. */
import type { Vouching } from '../app/vouch-passkey.ts';

export const nobodyListed: Vouching = {
  isNeeded: () => Promise.resolve(false),
  begin: () => Promise.reject(new Error('nobody has to vouch')),
  take: () => Promise.resolve({}),
};
