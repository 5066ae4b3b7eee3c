/** Small conversions between rows and domain values, shared by the stores. */
import { IdError, parseId, type Id, type IdPrefix } from '@airlock/common/ids';
import { StoreError } from '../../app/ports.ts';

/** Sizes and positions are bigint in Postgres and far below 2^53 here. */
export function asNumber(value: bigint): number {
  const number = Number(value);
  if (!Number.isSafeInteger(number)) throw malformed(`number ${value.toString()} out of range`);
  return number;
}

export function asId<Prefix extends IdPrefix>(prefix: Prefix, text: string): Id<Prefix> {
  try {
    return parseId(prefix, text);
  } catch (cause) {
    if (cause instanceof IdError)
      throw malformed(`id ${text} is not of the form ${prefix}_…`, cause);
    throw cause;
  }
}

/** A check constraint keeps the column to these words; a word that this version does not know is not guessed at. */
export function oneOf<Word extends string>(words: readonly Word[], text: string): Word {
  const word = words.find((candidate) => candidate === text);
  if (word === undefined) throw malformed(`'${text}' is none of ${words.join(', ')}`);
  return word;
}

/** Prisma wants bytes that own their memory; a Buffer may be a window into the pool. */
export function asBytes(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(bytes);
}

export function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes);
}

export function malformed(what: string, cause?: unknown): StoreError {
  return new StoreError('row-malformed', what, { cause });
}
