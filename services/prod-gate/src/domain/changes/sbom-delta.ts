/** Which components a release brings, drops, moves or puts under another licence, by the SBOMs of both artifacts. */
import { z } from 'zod';
import { maxSboms, readSbom, SbomError, type Components } from './sbom.ts';
import { shortened } from './shortened.ts';

/** How many components the delta lists by name; the counts count all. */
export const listedComponents = 200;
const maxJoinedLength = 400;

const Total = z.number().int().nonnegative();

export const SbomDelta = z.strictObject({
  /** Components that are listed; null where there is no SBOM, or none that can be read. */
  before: Total.nullable(),
  after: Total.nullable(),
  added: Total,
  removed: Total,
  changed: Total,
  /** Components under another licence than before. Those that are new are counted as new alone. */
  relicensed: Total,
  /** New ones first, then those under another licence, those with another version, and those that are gone. */
  list: z.array(
    z.strictObject({
      name: z.string(),
      /** Versions joined by a comma; null where it is not listed. */
      from: z.string().nullable(),
      to: z.string().nullable(),
      /** Licences joined by a comma; null where none is said. */
      licenceBefore: z.string().nullable(),
      licenceAfter: z.string().nullable(),
    }),
  ),
  /** SBOMs that could not be read: what they list is not known. Then nothing is compared. */
  unread: z.array(
    z.strictObject({ side: z.enum(['before', 'after']), file: z.string(), why: z.string() }),
  ),
});
export type SbomDelta = z.infer<typeof SbomDelta>;

/** A file of an artifact that is called as SBOMs are; null bytes: too long to be read. */
export type SbomFile = { readonly path: string; readonly bytes: Uint8Array | null };

const noComponents: Components = new Map();

type Side = 'before' | 'after';
type Read = { components: Components | null; unread: SbomDelta['unread'] };

/** @param files of the live artifact (null before the first delivery) and of the one that would be. */
export function sbomDelta(files: {
  before: readonly SbomFile[] | null;
  after: readonly SbomFile[];
}): SbomDelta {
  const was = readSide('before', files.before ?? []);
  const is = readSide('after', files.after);
  const none = { added: 0, removed: 0, changed: 0, relicensed: 0, list: [] };
  const isFirst = files.before === null;
  const counts = {
    before: was.components?.size ?? null,
    after: is.components?.size ?? null,
    unread: [...was.unread, ...is.unread],
  };
  if (is.components === null || (was.components === null && !isFirst)) {
    return sbomRows({ ...none, ...counts });
  }
  return sbomRows({ ...counts, ...compare(was.components ?? noComponents, is.components) });
}

function readSide(side: Side, files: readonly SbomFile[]): Read {
  if (files.length === 0) return { components: null, unread: [] };
  const components: Components = new Map();
  const unread: SbomDelta['unread'] = [];
  const inOrder = files.toSorted((a, b) => (a.path < b.path ? -1 : 1));
  for (const [place, { path, bytes }] of inOrder.entries()) {
    try {
      if (bytes === null || place >= maxSboms) throw new SbomError('more than what is read');
      readSbom(bytes, components);
    } catch (error) {
      if (!(error instanceof SbomError)) throw error;
      unread.push({ side, file: path, why: error.message });
    }
  }
  // A part of what it lists would show the rest as gone.
  return { components: unread.length > 0 ? null : components, unread };
}

type Row = SbomDelta['list'][number];

function compare(
  before: Components,
  after: Components,
): Pick<SbomDelta, 'added' | 'removed' | 'changed' | 'relicensed' | 'list'> {
  const rows = [...new Set([...before.keys(), ...after.keys()])].sort().map((name): Row => ({
    name,
    from: joined(before.get(name)?.versions),
    to: joined(after.get(name)?.versions),
    licenceBefore: joined(before.get(name)?.licences),
    licenceAfter: joined(after.get(name)?.licences),
  }));
  const both = rows.filter(({ from, to }) => from !== null && to !== null);
  const added = rows.filter(({ from }) => from === null);
  const removed = rows.filter(({ to }) => to === null);
  const relicensed = both.filter(({ licenceBefore: was, licenceAfter: is }) => was !== is);
  const changed = both.filter(({ from, to }) => from !== to);
  return {
    ...{ added: added.length, removed: removed.length },
    ...{ changed: changed.length, relicensed: relicensed.length },
    list: [...new Set([...added, ...relicensed, ...changed, ...removed])],
  };
}

function joined(texts: ReadonlySet<string> | undefined): string | null {
  if (texts === undefined || texts.size === 0) return null;
  return [...texts].sort().join(', ');
}

/** In the order of keys that is signed; the first {@link listedComponents}. */
export function sbomRows(delta: SbomDelta): SbomDelta {
  const { before, after, added, removed, changed, relicensed } = delta;
  return {
    ...{ before, after, added, removed, changed, relicensed },
    list: delta.list.slice(0, listedComponents).map((row) => ({
      name: row.name,
      from: cut(row.from),
      to: cut(row.to),
      licenceBefore: cut(row.licenceBefore),
      licenceAfter: cut(row.licenceAfter),
    })),
    unread: delta.unread.slice(0, 2 * maxSboms).map(({ side, file, why }) => ({
      ...{ side, file: shortened(file, maxJoinedLength), why },
    })),
  };
}

const cut = (text: string | null): string | null =>
  text === null ? null : shortened(text, maxJoinedLength);
