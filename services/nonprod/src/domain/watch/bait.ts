/** What builds of strangers find that looks worth stealing, and what is said of a build in which it was. */
import type { Bait, BaitName, BaitSighting } from '@airlock/common/wire/bait';
import type { TrustLevel } from '../trust-level.ts';
import type { Flag } from './flag.ts';

const upper = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ';
const letters = `${upper}${upper.toLowerCase()}0123456789`;

/** As those look that stand in real files: scanners of thieves go by the form. */
const shapes: readonly (readonly [BaitName, before: string, alphabet: string, length: number])[] = [
  ['cloud-key-id', 'AKIA', `${upper}234567`, 16],
  ['cloud-key', '', `${letters}+/`, 40],
  ['registry-key', 'npm_', letters, 36],
];

/**
 * What a job finds in its environment and its home: nothing unless whose work it is nobody vouches for.
 *
 * @param random so many bytes that nobody can guess.
 */
export function baitFor(level: TrustLevel, random: (bytes: number) => Uint8Array): readonly Bait[] {
  if (level > 0) return [];
  return shapes.map(([name, before, alphabet, length]) => ({
    name,
    value: `${before}${Array.from(random(length), (byte) => alphabet[byte % alphabet.length]).join('')}`,
  }));
}

export function baitFlags(sightings: readonly BaitSighting[]): readonly Flag[] {
  return sightings.map(({ bait, where, name }) => ({
    ...{ kind: 'suspicious', rule: 'bait', lines: null },
    text: `The bait ${bait}, a credential that opens nothing and that this build alone was given, stood in ${where === 'log' ? `the log of step ${name}` : `what it sent to ${name}`}.`,
  }));
}
