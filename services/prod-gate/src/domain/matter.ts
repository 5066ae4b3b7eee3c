/**
 * What can turn out to be bad: a thing that releases are made with or by, named as `kind:value`. A quarantine holds what rests on
 * one, and the blast radius of one is every release that does.
 */
import { isGitObjectId, isSha256Hex } from '@airlock/common/encoding/hex';
import { Name } from '@airlock/common/wire/scalars';

export const matterKinds = [
  'key',
  'builder',
  'runner',
  'image',
  'commit',
  'artifact',
  'package',
  'person',
] as const;
export type MatterKind = (typeof matterKinds)[number];

export type Matter = { readonly kind: MatterKind; readonly value: string };

export const matterText = ({ kind, value }: Matter): string => `${kind}:${value}`;

/** What follows each kind, for people. */
export const matterForms: Readonly<Record<MatterKind, string>> = {
  key: 'id of a signing key, as trust.json has it',
  builder: 'id of a builder, as target files have it',
  runner: 'name of a runner, as the builder claims it',
  image: 'SHA-256 of the software that a runner gave its steps, 64 hexadecimal digits',
  commit: 'full id of a commit, 40 hexadecimal digits',
  artifact: 'SHA-256 of an artifact, 64 hexadecimal digits',
  package: 'package as a purl, with a version or without, such as pkg:npm/left-pad@1.3.0',
  person: 'id of a person of the roster',
};

/** Longest matter that an entry of the ledger holds. */
const longestMatter = 200;

/**
 * Reads `kind:value`. A digest may have `sha256:` before it.
 *
 * @returns the reason in words when it is in no form that any release could ever match.
 */
export function readMatter(text: string): Matter | { readonly fault: string } {
  const at = text.indexOf(':');
  const kind = matterKinds.find((each) => each === text.slice(0, Math.max(at, 0)));
  if (kind === undefined) {
    return { fault: `Name it as ${matterKinds.map((each) => `${each}:…`).join(', ')}.` };
  }
  const said = text.slice(at + 1);
  const value = kind === 'image' || kind === 'artifact' ? said.replace(/^sha256:/, '') : said;
  const isWell = text.length <= longestMatter && hasForm[kind](value);
  return isWell ? { kind, value } : { fault: `After ${kind}: comes the ${matterForms[kind]}.` };
}

const printable = (value: string): boolean => /^[\x21-\x7e]+$/.test(value);

const hasForm: Readonly<Record<MatterKind, (value: string) => boolean>> = {
  key: printable,
  builder: printable,
  runner: (value) => Name.safeParse(value).success,
  image: isSha256Hex,
  commit: isGitObjectId,
  artifact: isSha256Hex,
  package: (value) => /^pkg:[a-z]+\/[\x21-\x7e]+$/.test(value),
  person: (value) => Name.safeParse(value).success,
};
