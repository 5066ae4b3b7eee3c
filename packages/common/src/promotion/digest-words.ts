import { AirlockError } from '../errors.ts';

const consonants = 'bdfghjklmnprstvz';
const vowels = 'aiou';

/**
 * The first 128 bits of a SHA-256 as eight words that can be read aloud, so that two people, or one person at two machines,
 * can hold a promotion's digest against each other. Sixteen bits a word, as proquints (Wilkerson, arXiv:0901.4016).
 *
 * @param digest 64 lowercase hexadecimal digits.
 * @returns eight words of five letters between spaces, such as `lusab babad gutih tugad …`.
 * @throws AirlockError `digest-malformed`.
 */
export function digestWords(digest: string): string {
  if (!/^[0-9a-f]{64}$/.test(digest)) {
    throw new AirlockError('digest-malformed', 'expected a SHA-256 as 64 hexadecimal digits');
  }
  const words = digest.slice(0, 32).match(/.{4}/g) ?? [];
  return words.map((word) => proquint(Number.parseInt(word, 16))).join(' ');
}

function proquint(bits: number): string {
  const consonant = (shift: number): string => consonants.charAt((bits >> shift) & 15);
  const vowel = (shift: number): string => vowels.charAt((bits >> shift) & 3);
  return consonant(12) + vowel(10) + consonant(6) + vowel(4) + consonant(0);
}
