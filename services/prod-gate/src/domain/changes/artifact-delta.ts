/**
 * What differs between the artifact that is live and the one that would be: files by path, permissions, sizes, and what the
 * SBOMs inside them list. Read by every judge from the artifacts' own bytes, which the ledger and the bundle name by digest.
 */
import { Sha256Hex } from '@airlock/common/wire/scalars';
import { z } from 'zod';
import { ImageDelta, imageRow } from './image.ts';
import { SbomDelta, sbomRows } from './sbom-delta.ts';
import { shortened } from './shortened.ts';

/** How many files of an artifact the delta lists by name; the counts count all. */
export const listedArtifactFiles = 300;
/** A longer path is cut where it is listed. */
const maxListedPath = 500;

const Total = z.number().int().nonnegative();
const FileState = z.strictObject({ size: Total, mode: z.number().int().min(0).max(0o7777) });

const FileChange = z.strictObject({
  path: z.string(),
  change: z.enum(['added', 'removed', 'changed']),
  /** Size in bytes and permission bits; null where it is not there. */
  before: FileState.nullable(),
  after: FileState.nullable(),
});

export const ArtifactDelta = z.strictObject({
  /** Null before the first delivery of the target. Its size is null where the gate has no whole copy any more. */
  before: z.strictObject({ digest: Sha256Hex, size: Total.nullable() }).nullable(),
  after: z.strictObject({ digest: Sha256Hex, size: Total }),
  /** Why its files could not be compared, in words; null where they were. */
  unread: z.string().nullable(),
  /** Of what would be delivered; 0 where it is a single file. */
  files: Total,
  added: Total,
  removed: Total,
  changed: Total,
  /** Files that can be executed and are new, became executable or are another program now. */
  programs: Total,
  /** Files and directories that everybody may write to, and could not before. */
  writable: Total,
  /** Those that count as programs or writable first, then new, changed and removed ones; at most {@link listedArtifactFiles}. */
  list: z.array(FileChange),
  /** Absent where neither artifact holds a container image. */
  image: ImageDelta.exactOptional(),
  sbom: SbomDelta,
});
export type ArtifactDelta = z.infer<typeof ArtifactDelta>;

/** A member of an archive that differs, as `@airlock/artifacts` tells it. */
export type MemberDifference = {
  readonly path: string;
  readonly change: 'added' | 'removed' | 'changed';
  readonly before: Member | null;
  readonly after: Member | null;
};
type Member = {
  readonly type: 'file' | 'directory';
  readonly size: number;
  readonly mode: number;
  readonly sha256: string | null;
};

export function artifactDelta(given: {
  before: { digest: string; size: number | null } | null;
  after: { digest: string; size: number };
  unread: string | null;
  files: number;
  differences: readonly MemberDifference[];
  image: ImageDelta | undefined;
  sbom: SbomDelta;
}): ArtifactDelta {
  // A new directory says nothing that its files do not, unless everybody may write to it.
  const told = given.differences.filter(
    (one) => one.before?.type === 'file' || one.after?.type === 'file' || isWritable(one),
  );
  const of = (change: MemberDifference['change']) => told.filter((one) => one.change === change);
  const [added, changed, removed] = [of('added'), of('changed'), of('removed')];
  const first = told.filter((one) => isProgram(one) || isWritable(one));
  return {
    before: given.before === null ? null : { digest: given.before.digest, size: given.before.size },
    after: { digest: given.after.digest, size: given.after.size },
    unread: given.unread,
    files: given.files,
    added: added.length,
    removed: removed.length,
    changed: changed.length,
    programs: told.filter(isProgram).length,
    writable: told.filter(isWritable).length,
    list: [...new Set([...first, ...added, ...changed, ...removed])]
      .slice(0, listedArtifactFiles)
      .map(changeRow),
    ...(given.image === undefined ? {} : { image: given.image }),
    sbom: given.sbom,
  };
}

/** In the order of keys that is signed, because a row's jsonb does not keep it. */
export function artifactRows(delta: ArtifactDelta): ArtifactDelta {
  const { before, after, unread, files, added, removed, changed, programs, writable } = delta;
  return {
    before: before === null ? null : { digest: before.digest, size: before.size },
    after: { digest: after.digest, size: after.size },
    ...{ unread, files, added, removed, changed, programs, writable },
    list: delta.list.map(changeRow),
    ...(delta.image === undefined ? {} : { image: imageRow(delta.image) }),
    sbom: sbomRows(delta.sbom),
  };
}

const mayRun = (member: Member | null): boolean =>
  member?.type === 'file' && (member.mode & 0o111) !== 0;
const mayBeWritten = (member: Member | null): boolean => ((member?.mode ?? 0) & 0o002) !== 0;

const isProgram = ({ before, after }: MemberDifference): boolean =>
  mayRun(after) && (!mayRun(before) || before?.sha256 !== after?.sha256);
const isWritable = ({ before, after }: MemberDifference): boolean =>
  mayBeWritten(after) && !mayBeWritten(before);

const stateRow = (state: { readonly size: number; readonly mode: number } | null) =>
  state === null ? null : { size: state.size, mode: state.mode };

function changeRow({ path, change, before, after }: z.infer<typeof FileChange>) {
  return {
    path: shortened(path, maxListedPath),
    change,
    before: stateRow(before),
    after: stateRow(after),
  };
}
