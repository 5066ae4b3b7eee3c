/**
 * What one step of a build is given, in two layers: values in boxes under a key that is derived from the build's, and that
 * key sealed to the runner. Boxes without the runner's private half open nothing, and nothing opens without the boxes.
 */
import { hkdfSync } from 'node:crypto';
import { contextOf } from './context.ts';
import { openFrom, sealTo, type Recipient } from './hpke.ts';
import { keyBytes, openSealed, seal } from './seal.ts';

/** Where and when: a step under one lease of a job. */
export interface HandoutPlace {
  readonly run: string;
  readonly job: string;
  readonly lease: number;
  readonly step: string;
}

export interface Handout {
  readonly key: Buffer;
  readonly boxes: readonly { readonly name: string; readonly box: Buffer }[];
}

/** The bytes that a runner signs to say that it asks, and for which key. */
export function handoutRequest(place: Omit<HandoutPlace, 'run'>, publicKey: Uint8Array): Buffer {
  const hex = Buffer.from(publicKey).toString('hex');
  return contextOf({ type: 'handout-request', ...place, publicKey: hex });
}

/** @param buildKey of the build; other steps' boxes do not open with what is handed out here. */
export function packHandout(
  place: HandoutPlace,
  {
    runner,
    publicKey,
    buildKey,
    values,
  }: {
    readonly runner: string;
    readonly publicKey: Uint8Array;
    readonly buildKey: Uint8Array;
    readonly values: readonly { readonly name: string; readonly value: Uint8Array }[];
  },
): Handout {
  const info = contextOf({ type: 'handout', ...place, runner });
  const key = Buffer.from(hkdfSync('sha256', buildKey, '', info, keyBytes));
  try {
    return {
      key: sealTo(publicKey, info, key),
      boxes: values.map(({ name, value }) => ({
        name,
        box: seal(key, value, contextOf({ type: 'build-box', ...place, name })),
      })),
    };
  } finally {
    key.fill(0);
  }
}

/**
 * The values by name, which the caller zeroes.
 *
 * @throws EnvelopeError when it was made for another runner, key, step or lease.
 */
export function openHandout(
  place: HandoutPlace,
  { runner, recipient }: { readonly runner: string; readonly recipient: Recipient },
  { key: sealedKey, boxes }: Handout,
): Map<string, Buffer> {
  const key = openFrom(recipient, contextOf({ type: 'handout', ...place, runner }), sealedKey);
  try {
    return new Map(
      boxes.map(({ name, box }) => [
        name,
        openSealed(key, box, contextOf({ type: 'build-box', ...place, name })),
      ]),
    );
  } finally {
    key.fill(0);
  }
}
