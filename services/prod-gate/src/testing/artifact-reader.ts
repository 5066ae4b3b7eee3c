import type { ArtifactReader } from '../app/read-artifact-delta.ts';

/** For what is not about artifacts: each is one file of a hundred bytes. */
export const singleFiles: ArtifactReader = {
  has: () => Promise.resolve(true),
  contents: () =>
    Promise.resolve({ size: 100, kind: 'file', entries: [], picked: [], unread: null }),
};
