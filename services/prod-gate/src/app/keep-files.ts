/**
 * Keeps the bytes that decide (target files, roster, trust store) in the gate's own store before anything is admitted under
 * them, so that evidence never lacks what has been changed since.
 */
import type { ArtifactStore } from './intake-ports.ts';
import type { GateFiles } from './configuration-ports.ts';

/** A target file or a roster is some KiB; what is longer than this is no configuration. */
export const maxKeptFileBytes = 1024 * 1024;

/** @returns the same files; throws what reading or keeping them throws, so that nothing goes on without them. */
export function keptFiles(ports: {
  files(): Promise<GateFiles>;
  artifacts: Pick<ArtifactStore, 'put'>;
}): () => Promise<GateFiles> {
  let kept: ReadonlySet<string> = new Set();
  return async () => {
    const files = await ports.files();
    const present = new Set<string>();
    for (const [digest, bytes] of files.bytes) {
      present.add(digest);
      if (kept.has(digest)) continue;
      await ports.artifacts.put(chunk(bytes), { maxBytes: maxKeptFileBytes, expected: digest });
    }
    kept = present;
    return files;
  };
}

async function* chunk(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield await Promise.resolve(bytes);
}
