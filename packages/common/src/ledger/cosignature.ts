/**
 * Cosignatures: what a witness says of a log's checkpoint, "at this time this was the largest tree that I saw of it, and
 * it goes on from all that I saw before". Ed25519 with a time; who has two of one size with two roots has proof of a split
 * view.
 *
 * @see C2SP tlog-cosignature
 */
import { sign } from 'node:crypto';
import { Buffer } from 'node:buffer';
import type { KeyObject } from 'node:crypto';
import { signatureIsValid } from '../trust/signer.ts';
import { openCheckpoint, type Checkpoint } from './checkpoint.ts';
import { LedgerError } from './ledger-error.ts';
import { decodeVkey, encodeVkey, keyHashOf, noteKeyType } from './note-key.ts';
import { signatureLine, splitNote, type NoteSigner, type NoteVerifier } from './note.ts';

const timeBytes = 8;
const ed25519SignatureBytes = 64;

/** The verifier key of a witness. @param key the private or the public Ed25519 key. */
export function witnessVkeyOf(name: string, key: KeyObject): string {
  return encodeVkey(name, noteKeyType.cosignature, key);
}

/** @throws LedgerError `note-key-malformed`, also for the key of a log. */
export function parseWitnessVkey(text: string): NoteVerifier {
  const { name, keyHash, key } = decodeVkey(text, noteKeyType.cosignature);
  return {
    name,
    keyHash,
    key,
    verifies(signed, signature) {
      const seconds = secondsIn(signature);
      return (
        seconds !== null &&
        signatureIsValid(key, 'ed25519', message(signed, seconds), signature.subarray(timeBytes))
      );
    },
  };
}

/**
 * A witness's line below a checkpoint.
 *
 * @param note the checkpoint with the log's signature; it has been verified.
 * @param at whole seconds count.
 */
export function cosign(witness: NoteSigner, note: Uint8Array, at: Date): string {
  const { text } = splitNote(note);
  const seconds = BigInt(Math.floor(at.getTime() / 1000));
  const time = Buffer.alloc(timeBytes);
  time.writeBigUInt64BE(seconds);
  const signature = sign(null, message(Buffer.from(text, 'utf8'), seconds), witness.privateKey);
  return signatureLine(
    witness.name,
    keyHashOf(witness.name, noteKeyType.cosignature, witness.privateKey),
    Buffer.concat([time, signature]),
  );
}

/** A witness of those asked for, and when it saw the checkpoint. */
export type Cosignature = { readonly witness: NoteVerifier; readonly at: Date };

/**
 * Who of `witnesses` cosigned this checkpoint. One witness counts once, whatever number of lines it has; strangers are
 * ignored.
 *
 * @throws LedgerError `note-malformed`, `note-signature-invalid` when a known witness's line does not verify.
 */
export function cosignaturesOf(
  note: Uint8Array,
  witnesses: readonly NoteVerifier[],
): readonly Cosignature[] {
  const { text, signatures } = splitNote(note);
  const signed = Buffer.from(text, 'utf8');
  return witnesses.flatMap((witness) => {
    const line = signatures.find(
      ({ name, keyHash }) => name === witness.name && keyHash === witness.keyHash,
    );
    if (line === undefined) return [];
    const seconds = secondsIn(line.signature);
    if (seconds === null || !witness.verifies(signed, line.signature)) {
      throw new LedgerError(
        'note-signature-invalid',
        `the cosignature by ${witness.name} does not verify`,
      );
    }
    return [{ witness, at: new Date(Number(seconds) * 1000) }];
  });
}

/** Whom a verifier believes: the log, and so many of these witnesses. @see C2SP tlog-policy, one group as the quorum */
export type WitnessPolicy = {
  readonly log: NoteVerifier;
  readonly witnesses: readonly NoteVerifier[];
  /** 0 to the number of witnesses. */
  readonly quorum: number;
};

/**
 * Opens a checkpoint that the log signed and enough witnesses saw.
 *
 * @throws LedgerError as `openCheckpoint`, and `witness-quorum` when fewer cosigned than the policy asks for.
 */
export function openWitnessed(
  note: Uint8Array,
  policy: WitnessPolicy,
): { checkpoint: Checkpoint; cosignatures: readonly Cosignature[] } {
  const checkpoint = openCheckpoint(note, policy.log);
  const cosignatures = cosignaturesOf(note, policy.witnesses);
  if (cosignatures.length < policy.quorum) {
    const missing = policy.witnesses
      .filter((witness) => !cosignatures.some((found) => found.witness === witness))
      .map(({ name }) => name);
    throw new LedgerError(
      'witness-quorum',
      `${policy.quorum} cosignatures expected on the checkpoint of size ${checkpoint.size}, found ${cosignatures.length}; none by ${missing.join(', ')}`,
    );
  }
  return { checkpoint, cosignatures };
}

function message(text: Uint8Array, seconds: bigint): Buffer {
  return Buffer.concat([Buffer.from(`cosignature/v1\ntime ${seconds}\n`, 'utf8'), text]);
}

/** The time in a timestamped signature; null when it has another length or a time that no Date can hold. */
function secondsIn(signature: Uint8Array): bigint | null {
  if (signature.length !== timeBytes + ed25519SignatureBytes) return null;
  const seconds = Buffer.from(signature.subarray(0, timeBytes)).readBigUInt64BE();
  return seconds > 8_640_000_000_000n ? null : seconds;
}
