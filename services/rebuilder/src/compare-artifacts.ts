/** What differs between two artifacts of one commit, in words that lead a person to the cause. */
import { createReadStream } from 'node:fs';
import { defaultArchiveLimits, listArchive, type ArchiveEntry } from '@airlock/artifacts/archive';
import { ArchiveError } from '@airlock/artifacts/archive-error';
import {
  maxDifferenceLines,
  type RebuildDifference,
} from '@airlock/common/intoto/rebuild-difference';

type Line = RebuildDifference['files'][number];

/**
 * Compares member by member what both archives hold. Two files that are not both archives differ as `bytes`.
 *
 * @param claimed path of the main builder's artifact, whose SHA-256 is `claimedDigest`.
 */
export async function compareArtifacts(files: {
  readonly claimed: string;
  readonly claimedDigest: string;
  readonly rebuilt: string;
}): Promise<RebuildDifference> {
  const [claimed, rebuilt] = await Promise.all([list(files.claimed), list(files.rebuilt)]);
  const nothing = { claimed: files.claimedDigest, added: 0, removed: 0, changed: 0, files: [] };
  if (claimed === null || rebuilt === null) return { ...nothing, kind: 'bytes' };
  const lines: Line[] = [];
  for (const path of [...new Set([...claimed.keys(), ...rebuilt.keys()])].sort()) {
    const line = { path, claimed: claimed.get(path) ?? null, rebuilt: rebuilt.get(path) ?? null };
    if (!isSame(line.claimed, line.rebuilt)) lines.push(line);
  }
  const added = lines.filter((line) => line.rebuilt === null).length;
  const removed = lines.filter((line) => line.claimed === null).length;
  return {
    claimed: files.claimedDigest,
    kind: lines.length === 0 ? 'packing' : 'files',
    ...{ added, removed, changed: lines.length - added - removed },
    files: lines.slice(0, maxDifferenceLines),
  };
}

async function list(file: string): Promise<Map<string, NonNullable<Line['claimed']>> | null> {
  try {
    const entries = await listArchive(createReadStream(file), defaultArchiveLimits);
    return new Map(entries.map((entry) => [entry.path, facts(entry)]));
  } catch (cause) {
    // No archive, or one that nobody should unpack: then the digests are all that is compared.
    if (cause instanceof ArchiveError) return null;
    throw cause;
  }
}

const facts = ({ type, size, mode, sha256 }: ArchiveEntry) => ({ type, size, mode, sha256 });

function isSame(a: Line['claimed'], b: Line['claimed']): boolean {
  return (
    a?.type === b?.type && a?.size === b?.size && a?.mode === b?.mode && a?.sha256 === b?.sha256
  );
}
