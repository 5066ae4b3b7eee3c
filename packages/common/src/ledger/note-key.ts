/**
 * Keys of signed notes as people exchange them: `name+hash+base64(type, key)`. The type says what a key signs, so that a
 * witness's key can never pass for a log's.
 *
 * @see C2SP signed-note, "Verifier keys"; C2SP tlog-cosignature, "Format"
 */
import { createPublicKey, hash, type KeyObject } from 'node:crypto';
import { Buffer } from 'node:buffer';
import { decodeBase64 } from '../encoding/base64.ts';
import { EncodingError } from '../encoding/encoding-error.ts';
import { importPublicKey, TrustError } from '../trust/signer.ts';
import { LedgerError } from './ledger-error.ts';

/** What a key signs: the text of a note, or a text with the time at which a witness saw it. */
export const noteKeyType = { ed25519: 0x01, cosignature: 0x04 } as const;
export type NoteKeyType = (typeof noteKeyType)[keyof typeof noteKeyType];

export const keyHashBytes = 4;

const ed25519PublicKeyBytes = 32;
const ed25519SpkiPrefix = Buffer.from('302a300506032b6570032100', 'hex');

/** @param key the private or the public Ed25519 key. @throws LedgerError `note-key-malformed`. */
export function encodeVkey(name: string, type: NoteKeyType, key: KeyObject): string {
  assertKeyName(name);
  const typed = typedKey(type, key);
  return `${name}+${hashOf(name, typed).toString('hex')}+${typed.toString('base64')}`;
}

/** @throws LedgerError `note-key-malformed` unless it is a key of that type and the hash in it fits its name and key. */
export function decodeVkey(
  text: string,
  type: NoteKeyType,
): { name: string; keyHash: string; key: KeyObject } {
  const malformed = (why: string) =>
    new LedgerError('note-key-malformed', `a verifier key name+hash+key expected: ${why}`);
  const [, name, keyHash, encoded] = /^([^+]+)\+([0-9a-f]{8})\+(.+)$/.exec(text) ?? [];
  if (name === undefined || keyHash === undefined || encoded === undefined || !isKeyName(name)) {
    throw malformed('it does not have this form');
  }
  const typed = decoded(encoded, malformed);
  if (typed.length !== 1 + ed25519PublicKeyBytes || !isKnownType(typed[0])) {
    throw malformed('the key is not Ed25519');
  }
  if (typed[0] !== type) throw malformed(`this is the key of a ${roleOf(typed[0])}`);
  if (hashOf(name, typed).toString('hex') !== keyHash) {
    throw malformed('the hash is not the one of this name and key');
  }
  const spki = Buffer.concat([ed25519SpkiPrefix, typed.subarray(1)]).toString('base64');
  try {
    const key = importPublicKey(`-----BEGIN PUBLIC KEY-----\n${spki}\n-----END PUBLIC KEY-----\n`);
    return { name, keyHash, key };
  } catch (cause) {
    if (!(cause instanceof TrustError)) throw cause;
    throw malformed(cause.message);
  }
}

/** First four bytes of SHA-256(name, LF, type, key). */
export function keyHashOf(name: string, type: NoteKeyType, key: KeyObject): Buffer {
  return hashOf(name, typedKey(type, key));
}

export function isKeyName(name: string): boolean {
  return name !== '' && !/[\s+\p{Cc}]/u.test(name);
}

/** @throws LedgerError `note-key-malformed`. */
export function assertKeyName(name: string): void {
  if (!isKeyName(name)) {
    throw new LedgerError('note-key-malformed', 'a key name without white space and + expected');
  }
}

function isKnownType(type: number | undefined): type is NoteKeyType {
  return type === noteKeyType.ed25519 || type === noteKeyType.cosignature;
}

function roleOf(type: NoteKeyType): string {
  return type === noteKeyType.ed25519 ? 'log (signed note)' : 'witness (cosignature)';
}

function typedKey(type: NoteKeyType, key: KeyObject): Buffer {
  const publicKey = key.type === 'private' ? createPublicKey(key) : key;
  if (publicKey.asymmetricKeyType !== 'ed25519') {
    throw new LedgerError('note-key-malformed', 'an Ed25519 key expected');
  }
  const spki = publicKey.export({ type: 'spki', format: 'der' });
  return Buffer.concat([Buffer.of(type), spki.subarray(-ed25519PublicKeyBytes)]);
}

function hashOf(name: string, typed: Uint8Array): Buffer {
  const input = Buffer.concat([Buffer.from(`${name}\n`, 'utf8'), typed]);
  return hash('sha256', input, 'buffer').subarray(0, keyHashBytes);
}

function decoded(encoded: string, malformed: (why: string) => LedgerError): Buffer {
  try {
    return decodeBase64(encoded);
  } catch (cause) {
    if (!(cause instanceof EncodingError)) throw cause;
    throw malformed(cause.message);
  }
}
