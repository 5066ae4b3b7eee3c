/** Compares the artifact that is live with the one that would be, the same in intake, authority and deliverer. */
import { diffArchives } from '@airlock/artifacts/archive';
import type { ArtifactContents, ContentsQuestion } from '@airlock/artifacts/contents';
import { AirlockError } from '@airlock/common/errors';
import { artifactDelta, type ArtifactDelta } from '../domain/changes/artifact-delta.ts';
import {
  imageDelta,
  type ImageFiles,
  isImageDocument,
  isOfImageLayout,
  maxImageBytes,
} from '../domain/changes/image.ts';
import { isSbom, maxSbomBytes } from '../domain/changes/sbom.ts';
import { sbomDelta } from '../domain/changes/sbom-delta.ts';
import type { Delta } from '../domain/delta.ts';
import { remembered } from './remembered.ts';

/** The gate's own store as far as it is looked into. */
export type ArtifactReader = {
  /** Whether there is a copy; intake's looks at its bytes now and then. */
  has(digest: string): Promise<boolean>;
  /** @throws ArtifactError where the store fails or its copy is damaged; never for what an artifact holds. */
  contents(digest: string, question: ContentsQuestion): Promise<ArtifactContents>;
};

/** Less than what is admitted: who decides looks through it, too. */
const question: ContentsQuestion = {
  limits: { maxEntries: 50_000, maxExpandedBytes: 2 * 1024 ** 3 },
  picks: [
    { wants: isSbom, maxBytes: maxSbomBytes },
    { wants: isImageDocument, maxBytes: maxImageBytes },
  ],
};

/**
 * Two digests never come to differ in anything else, and a waiting promotion is judged many times: as many pairs as may wait,
 * for one more than is remembered has every pass read them all again.
 */
const deltaOnce = remembered<ArtifactDelta>(256);

/**
 * The delta with what differs between the artifacts.
 *
 * @param live what the target runs; null before its first delivery.
 * @throws ArtifactError where the copy of the artifact that would be delivered is missing or damaged.
 */
export async function withArtifact(
  delta: Delta,
  reader: ArtifactReader,
  { live, artifactDigest }: { live: { artifactDigest: string } | null; artifactDigest: string },
): Promise<Delta> {
  const before = live?.artifactDigest ?? null;
  const once = (isKept: boolean): Promise<ArtifactDelta> =>
    deltaOnce(reader, [isKept, before, artifactDigest].join(), () =>
      readArtifactDelta(reader, { before, isKept, after: artifactDigest }),
    );
  // Asked each time, so that every process comes to the same when somebody removes or restores it.
  if (before !== null && !(await reader.has(before)))
    return { ...delta, artifact: await once(false) };
  try {
    return { ...delta, artifact: await once(true) };
  } catch (cause) {
    // A damaged copy of what is live keeps nothing from being replaced.
    if (!(cause instanceof LiveArtifactError)) throw cause;
    return { ...delta, artifact: await once(false) };
  }
}

class LiveArtifactError extends Error {}

async function readArtifactDelta(
  reader: ArtifactReader,
  given: { before: string | null; isKept: boolean; after: string },
): Promise<ArtifactDelta> {
  const after = await reader.contents(given.after, question);
  const before =
    given.before === null || !given.isKept ? null : await readLive(reader, given.before);
  const unread = whyUnread({ ...given, contents: { before, after } });
  return artifactDelta({
    before: given.before === null ? null : { digest: given.before, size: before?.size ?? null },
    after: { digest: given.after, size: after.size },
    unread,
    files: after.entries.filter(({ type }) => type === 'file').length,
    differences: unread === null ? diffArchives(before?.entries ?? [], after.entries) : [],
    image: imageDelta(imageFilesOf(before), imageFilesOf(after)),
    sbom: sbomDelta({
      before: given.before === null ? null : sbomsOf(before),
      after: sbomsOf(after),
    }),
  });
}

/** What the store says of a copy that is missing or damaged. @throws what is no fault of the copy. */
export function wordsOfDamage(cause: unknown): string {
  const isDamage =
    cause instanceof AirlockError &&
    (cause.code === 'artifact-missing' || cause.code === 'artifact-corrupt');
  if (!isDamage) throw cause;
  return cause.message;
}

async function readLive(reader: ArtifactReader, digest: string): Promise<ArtifactContents> {
  const read = await reader.contents(digest, question).catch(wordsOfDamage);
  if (typeof read === 'string') throw new LiveArtifactError(read);
  return read;
}

const sbomsOf = (contents: ArtifactContents | null) =>
  (contents?.picked ?? []).filter(({ path }) => isSbom(path));

const imageFilesOf = (contents: ArtifactContents | null): ImageFiles => ({
  isLayout: contents?.entries.some(({ path }) => isOfImageLayout(path)) ?? false,
  files: contents?.picked ?? [],
});

function whyUnread(given: {
  isKept: boolean;
  contents: { before: ArtifactContents | null; after: ArtifactContents };
}): string | null {
  const { before, after } = given.contents;
  if (after.unread !== null) return after.unread;
  if (!given.isKept) return 'the gate’s store has no whole copy of the artifact that is live';
  if (before === null) return null;
  if (before.unread !== null) return `the artifact that is live: ${before.unread}`;
  if (before.kind === after.kind) return null;
  return before.kind === 'archive'
    ? 'what is live is an archive, and this is a single file'
    : 'what is live is a single file, and this is an archive';
}
