/**
 * Whose the changed files are, by the repository's own CODEOWNERS: for the eye of an approver, never a rule of the gate,
 * because whoever writes to main writes that file too.
 */
import { globMatcher } from '@airlock/pipeline/glob';

/** Where forges look, in their order. */
export const codeOwnersPaths = ['.github/CODEOWNERS', 'CODEOWNERS', 'docs/CODEOWNERS'] as const;
export const maxCodeOwnersBytes = 1024 * 1024;
/** Rows that are read; the ones after it are not, so that a page of rules cannot stall the gate. */
const maxRows = 2000;

/** Owners of a path as the last row that matches it says; empty for nobody's. */
export type OwnersOf = (path: string) => readonly string[];

export function readCodeOwners(text: string): OwnersOf {
  const rows = text
    .split('\n')
    .slice(0, maxRows)
    .flatMap((line) => {
      const [pattern, ...owners] = line
        .replace(/(^|\s)#.*$/, '')
        .trim()
        .split(/\s+/);
      // GitLab's section headings are no patterns.
      if (pattern === undefined || pattern === '' || /^\^?\[/.test(pattern)) return [];
      const matches = matcherOf(pattern);
      return matches === null ? [] : [{ matches, owners }];
    })
    .reverse();
  return (path) => rows.find(({ matches }) => matches(path))?.owners ?? [];
}

/** As in .gitignore: with a slash in front or inside it is anchored, without it lies anywhere; a directory means all in it. */
function matcherOf(pattern: string): ((path: string) => boolean) | null {
  const plain = pattern.replaceAll(/[{},]/g, String.raw`\$&`);
  const anchored = plain.replace(/\/$/, '').includes('/');
  const bare = plain.replace(/^\//, '');
  const base = anchored || bare.startsWith('**/') ? bare : `**/${bare}`;
  if (base.endsWith('/')) return globMatcher(`${base}**`);
  const [file, below] = [globMatcher(base), globMatcher(`${base}/**`)];
  // `docs/*` names the files in docs and not what lies deeper.
  if (/(^|\/)\*$/.test(base)) return file;
  return file === null || below === null ? null : (path) => file(path) || below(path);
}

/** Changed files by owner, most files first; '' counts those that are nobody's. */
export function filesByOwner(
  paths: readonly string[],
  ownersOf: OwnersOf,
): { readonly owner: string; readonly files: number }[] {
  const counts = new Map<string, number>();
  for (const path of paths) {
    const owners = ownersOf(path);
    for (const owner of owners.length === 0 ? [''] : owners) {
      counts.set(owner, (counts.get(owner) ?? 0) + 1);
    }
  }
  return [...counts]
    .map(([owner, files]) => ({ owner, files }))
    .sort((a, b) => b.files - a.files || (a.owner < b.owner ? -1 : 1))
    .slice(0, 100);
}
