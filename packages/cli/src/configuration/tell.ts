import { changesBetween } from './changes.ts';
import { directoryArgument } from './places.ts';
import type { Proposed } from './proposal.ts';

/** What a person is asked to sign, whole, and the command to sign it. */
export function told(proposed: Proposed, directory: string): string[] {
  const { manifest, digest, notes } = proposed;
  const changes = changesBetween(proposed.inForce, proposed.files);
  return [
    `proposed: number ${manifest.serial}, ${digest}`,
    ...notes.map((note) => `  why: ${note}`),
    ...(changes.length === 0
      ? ['no file changes: the files in force are signed once more']
      : changes),
    `to sign: airlock config sign${directoryArgument(directory)} --key FILE --digest ${digest}`,
  ];
}
