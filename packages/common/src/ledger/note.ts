/**
 * Signed notes with Ed25519 keys.
 *
 * @see C2SP signed-note
 */
import { createHash, createPublicKey, sign, type KeyObject } from 'node:crypto';
import { Buffer } from 'node:buffer';
import { decodeBase64 } from '../encoding/base64.ts';
import { EncodingError } from '../encoding/encoding-error.ts';
import { decodeUtf8 } from '../encoding/utf8.ts';
import { maxNoteBytes, maxNoteSignatures } from '../limits.ts';
import { importPublicKey, signatureIsValid, TrustError } from '../trust/signer.ts';
import { LedgerError } from './ledger-error.ts';

/** Signature type of plain Ed25519 in signed notes. */
const ed25519Type = 0x01;
const keyHashBytes = 4;
const ed25519PublicKeyBytes = 32;
const ed25519SpkiPrefix = Buffer.from('302a300506032b6570032100', 'hex');
const signaturePrefix = '— ';

export type NoteSigner = { readonly name: string; readonly privateKey: KeyObject };
export type NoteVerifier = {
  readonly name: string;
  /** First four bytes of SHA-256(name, LF, type, key), in hexadecimal: a hint which key signed. */
  readonly keyHash: string;
  readonly key: KeyObject;
};

/** The verifier key as people exchange it: `name+hash+base64`. @param key the private or the public Ed25519 key. */
export function vkeyOf(name: string, key: KeyObject): string {
  assertName(name);
  const typed = typedKey(key);
  return `${name}+${keyHashOf(name, typed).toString('hex')}+${typed.toString('base64')}`;
}

/** @throws LedgerError `note-key-malformed` unless the hash in it fits its name and key. */
export function parseVkey(text: string): NoteVerifier {
  const malformed = (why: string) =>
    new LedgerError('note-key-malformed', `a verifier key name+hash+key expected: ${why}`);
  const [, name, keyHash, encoded] = /^([^+]+)\+([0-9a-f]{8})\+(.+)$/.exec(text) ?? [];
  if (name === undefined || keyHash === undefined || encoded === undefined || !isName(name)) {
    throw malformed('it does not have this form');
  }
  const typed = decodeOr(encoded, malformed);
  if (typed[0] !== ed25519Type || typed.length !== 1 + ed25519PublicKeyBytes) {
    throw malformed('the key is not Ed25519');
  }
  if (keyHashOf(name, typed).toString('hex') !== keyHash) {
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
    assertName(name);
    const hash = keyHashOf(name, typedKey(privateKey));
    const signature = sign(null, Buffer.from(text, 'utf8'), privateKey);
    return `${signaturePrefix}${name} ${Buffer.concat([hash, signature]).toString('base64')}\n`;
  });
  return `${text}\n${lines.join('')}`;
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
    if (!signatureIsValid(verifier.key, 'ed25519', signed, signature)) {
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

type NoteSignature = { name: string; keyHash: string; signature: Buffer };

function splitNote(note: Uint8Array): { text: string; signatures: NoteSignature[] } {
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
      !isName(name)
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

function typedKey(key: KeyObject): Buffer {
  const publicKey = key.type === 'private' ? createPublicKey(key) : key;
  if (publicKey.asymmetricKeyType !== 'ed25519') {
    throw new LedgerError('note-key-malformed', 'an Ed25519 key expected');
  }
  const spki = publicKey.export({ type: 'spki', format: 'der' });
  return Buffer.concat([Buffer.of(ed25519Type), spki.subarray(-ed25519PublicKeyBytes)]);
}

function keyHashOf(name: string, typed: Uint8Array): Buffer {
  const hash = createHash('sha256').update(`${name}\n`, 'utf8').update(typed).digest();
  return hash.subarray(0, keyHashBytes);
}

function isName(name: string): boolean {
  return name !== '' && !/[\s+]/u.test(name) && !hasControlCharacter(name);
}

function assertName(name: string): void {
  if (!isName(name)) {
    throw new LedgerError('note-key-malformed', 'a key name without white space and + expected');
  }
}

function hasControlCharacter(text: string): boolean {
  for (let index = 0; index < text.length; index += 1) {
    const unit = text.charCodeAt(index);
    if (unit < 0x20 && unit !== 0x0a) return true;
  }
  return false;
}
