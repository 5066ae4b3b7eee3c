import { AirlockError } from './errors.ts';

/** Crockford base32, lower case: no i, l, o, u, so that an id survives being read aloud. */
const alphabet = '0123456789abcdefghjkmnpqrstvwxyz';

export type IdPrefix =
  | 'run'
  | 'job'
  | 'cand'
  | 'prq'
  | 'prm'
  | 'dlv'
  | 'vse'
  | 'apr'
  | 'pky'
  | 'itm'
  | 'req'
  | 'sec'
  | 'dek'
  | 'rtk'
  | 'enr'
  | 'tok'
  | 'stp'
  | 'ret'
  | 'obs';

/** A typed, pasteable identifier such as `prm_7k2q9x0d1f` : prefix, underscore, ten base32 characters. */
export type Id<Prefix extends IdPrefix> = string & { readonly __id: Prefix };

export class IdError extends AirlockError<'id-malformed'> {}

/**
 * Makes an id from random bytes, which the caller supplies because this package has no randomness.
 *
 * @param bytes at least 10 bytes; the low five bits of each of the first ten are used (50 bits).
 * @throws IdError `id-malformed` when there are fewer than 10 bytes.
 */
export function formatId<Prefix extends IdPrefix>(prefix: Prefix, bytes: Uint8Array): Id<Prefix> {
  if (bytes.length < 10)
    throw new IdError('id-malformed', `10 random bytes expected, found ${bytes.length}`);
  let text = '';
  for (const byte of bytes.subarray(0, 10)) text += alphabet.charAt(byte & 31);
  // The brand is made here and in parseId, nowhere else.
  return `${prefix}_${text}` as Id<Prefix>;
}

/** @throws IdError `id-malformed` when `text` is not an id of that prefix. */
export function parseId<Prefix extends IdPrefix>(prefix: Prefix, text: string): Id<Prefix> {
  if (!text.startsWith(`${prefix}_`) || !/^[a-z]+_[0-9a-hjkmnp-tv-z]{10}$/.test(text)) {
    throw new IdError(
      'id-malformed',
      `an id of the form ${prefix}_ and ten letters or digits expected`,
    );
  }
  // Checked against the grammar above.
  return text as Id<Prefix>;
}
