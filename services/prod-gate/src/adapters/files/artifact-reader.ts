import { readStoredContents } from '@airlock/artifacts/contents';
import type { ContentStore } from '@airlock/artifacts/content-store';
import type { ArtifactReader } from '../../app/read-artifact-delta.ts';

/** Looks into the artifacts of the gate's own store. One for a process: what it read is remembered with it. */
export const createArtifactReader = (
  store: Pick<ContentStore, 'has' | 'openVerified'>,
): ArtifactReader => ({
  has: (digest) => store.has(digest),
  contents: (digest, question) => readStoredContents(store, digest, question),
});
