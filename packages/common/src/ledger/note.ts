/**
 * Signed notes with Ed25519 keys.
 *
 * @see C2SP signed-note
 */
import { sign, type KeyObject } from 'node:crypto';
import { Buffer } from 'node:buffer';
import { decodeBase64 } from '../encoding/base64.ts';
import { EncodingError } from '../encoding/encoding-error.ts';
import { decodeUtf8 } from '../encoding/utf8.ts';
import { maxNoteBytes, maxNoteSignatures } from '../limits.ts';
import { signatureIsValid } from '../trust/signer.ts';
import { LedgerError } from './ledger-error.ts';
import {
  assertKeyName,
  decodeVkey,
  encodeVkey,
  isKeyName,
  keyHashBytes,
  keyHashOf,
  noteKeyType,
} from './note-key.ts';

const signaturePrefix = '— ';

export type NoteSigner = { readonly name: string; readonly privateKey: KeyObject };
/** Whoever can tell whether a signature on a note is good: the key of a log, or of a witness (`cosignature.ts`). */
export type NoteVerifier = {
  readonly name: string;
  /** First four bytes of SHA-256(name, LF, type, key), in hexadecimal: a hint which key signed. */
  readonly keyHash: string;
  readonly key: KeyObject;
  /** @param text of the note, up to and with its last line feed. @param signature without the key hash before it. */
  verifies(text: Uint8Array, signature: Uint8Array): boolean;
};

/** The verifier key as people exchange it: `name+hash+base64`. @param key the private or the public Ed25519 key. */
export function vkeyOf(name: string, key: KeyObject): string {
  return encodeVkey(name, noteKeyType.ed25519, key);
}

/** @throws LedgerError `note-key-malformed` unless the hash in it fits its name and key. */
export function parseVkey(text: string): NoteVerifier {
  const { name, keyHash, key } = decodeVkey(text, noteKeyType.ed25519);
  return {
    name,
    keyHash,
    key,
    verifies: (signed, signature) => signatureIsValid(key, 'ed25519', signed, signature),
  };
}

/**
 * Signs a text as a note.
 *
 * @param text ends in a line feed and has no other control character.
 */
export function signNote(text: string, signers: readonly [NoteSigner, ...NoteSigner[]]): string {
  if (!text.endsWith('\n') || hasControlCharacter(text)) {
    throw new LedgerError('note-malformed', 'a text that ends in a line feed expected');
  }
  const lines = signers.map(({ name, privateKey }) => {
    const signature = sign(null, Buffer.from(text, 'utf8'), privateKey);
    return signatureLine(name, keyHashOf(name, noteKeyType.ed25519, privateKey), signature);
  });
  return `${text}\n${lines.join('')}`;
}

/** One line below a note, with its line feed. @param keyHash four bytes. */
export function signatureLine(name: string, keyHash: Uint8Array, signature: Uint8Array): string {
  assertKeyName(name);
  return `${signaturePrefix}${name} ${Buffer.concat([keyHash, signature]).toString('base64')}\n`;
}

/**
 * Opens a note: its text, and who of `verifiers` signed it.
 *
 * Signatures by unknown keys are ignored; a known key's signature that fails refuses the whole note.
 *
 * @throws LedgerError `note-malformed`, `note-signature-invalid`, `note-unsigned`.
 */
export function openNote(
  note: Uint8Array,
  verifiers: readonly NoteVerifier[],
): { text: string; signedBy: readonly [NoteVerifier, ...NoteVerifier[]] } {
  const { text, signatures } = splitNote(note);
  const signed = Buffer.from(text, 'utf8');
  const good = new Set<NoteVerifier>();
  for (const { name, keyHash, signature } of signatures) {
    const verifier = verifiers.find((known) => known.name === name && known.keyHash === keyHash);
    if (verifier === undefined || good.has(verifier)) continue;
    if (!verifier.verifies(signed, signature)) {
      throw new LedgerError('note-signature-invalid', `the signature by ${name} does not verify`);
    }
    good.add(verifier);
  }
  const [first, ...rest] = good;
  if (first === undefined) {
    throw new LedgerError('note-unsigned', 'no signature on the note is by a known key');
  }
  return { text, signedBy: [first, ...rest] };
}

export type NoteSignature = {
  readonly name: string;
  readonly keyHash: string;
  /** Without the key hash before it. */
  readonly signature: Buffer;
};

/** A note taken apart; nothing is verified. @throws LedgerError `note-malformed`. */
export function splitNote(note: Uint8Array): { text: string; signatures: NoteSignature[] } {
  const malformed = (why: string) => new LedgerError('note-malformed', why);
  if (note.length > maxNoteBytes) throw malformed(`at most ${maxNoteBytes} bytes expected`);
  const whole = noteText(note);
  // The last empty line divides, because the text may hold empty lines of its own.
  const divide = whole.lastIndexOf('\n\n');
  if (divide < 0 || !whole.endsWith('\n')) throw malformed('no signatures after an empty line');
  const lines = whole.slice(divide + 2, -1).split('\n');
  if (lines.length > maxNoteSignatures) {
    throw malformed(`at most ${maxNoteSignatures} signatures expected`);
  }
  const signatures = lines.map((line) => {
    const [name, encoded, ...more] = line.slice(signaturePrefix.length).split(' ');
    if (
      !line.startsWith(signaturePrefix) ||
      name === undefined ||
      encoded === undefined ||
      more.length > 0 ||
      !isKeyName(name)
    ) {
      throw malformed('a signature line of dash, name and base64 expected');
    }
    const bytes = decodeOr(encoded, malformed);
    if (bytes.length <= keyHashBytes) throw malformed('a signature without bytes');
    return {
      name,
      keyHash: bytes.subarray(0, keyHashBytes).toString('hex'),
      signature: bytes.subarray(keyHashBytes),
    };
  });
  return { text: whole.slice(0, divide + 1), signatures };
}

function noteText(note: Uint8Array): string {
  let text: string;
  try {
    text = decodeUtf8(note);
  } catch (cause) {
    if (!(cause instanceof EncodingError)) throw cause;
    throw new LedgerError('note-malformed', cause.message, { cause });
  }
  if (hasControlCharacter(text)) {
    throw new LedgerError('note-malformed', 'a control character other than line feed');
  }
  return text;
}

function decodeOr(encoded: string, malformed: (why: string) => LedgerError): Buffer {
  try {
    return decodeBase64(encoded);
  } catch (cause) {
    if (!(cause instanceof EncodingError)) throw cause;
    throw malformed(cause.message);
  }
}

function hasControlCharacter(text: string): boolean {
  for (let index = 0; index < text.length; index += 1) {
    const unit = text.charCodeAt(index);
    if (unit < 0x20 && unit !== 0x0a) return true;
  }
  return false;
}
