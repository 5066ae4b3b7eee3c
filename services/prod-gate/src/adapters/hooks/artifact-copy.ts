import { createHash } from 'node:crypto';
import { chmod, open, type FileHandle } from 'node:fs/promises';
import { HookError } from './errors.ts';

/** What the gate's artifact store gives: a descriptor whose bytes it has just hashed. */
export type VerifiedArtifacts = {
  openVerified(digest: string): Promise<{ handle: FileHandle; size: number }>;
};

const chunkBytes = 1024 * 1024;

/**
 * Copies an approved artifact to `into`, hashing the bytes that it writes. The copy is what the hook gets, so a blob that
 * is replaced in the store after this changes nothing, and one that was replaced before is refused here.
 *
 * @throws HookError `E_TOCTOU_DIGEST` when the store has it no more or its bytes have another SHA-256.
 */
export async function copyApprovedArtifact(options: {
  artifacts: VerifiedArtifacts;
  sha256: string;
  into: string;
}): Promise<void> {
  const { sha256, into } = options;
  const { handle: source, size } = await options.artifacts
    .openVerified(sha256)
    .catch((cause: unknown) => {
      throw new HookError(
        'E_TOCTOU_DIGEST',
        `artifact sha256:${sha256} in the gate's store is missing or no longer what was approved; ` +
          'find out who changed the store, then promote the release again',
        { cause },
      );
    });
  const hash = createHash('sha256');
  try {
    const target = await open(into, 'wx', 0o600);
    try {
      const chunk = Buffer.allocUnsafe(chunkBytes);
      for (let at = 0; at < size;) {
        const { bytesRead } = await source.read(chunk, 0, chunkBytes, at);
        if (bytesRead === 0) break;
        const part = chunk.subarray(0, bytesRead);
        hash.update(part);
        await target.writeFile(part);
        at += bytesRead;
      }
    } finally {
      await target.close();
    }
  } finally {
    await source.close();
  }
  const found = hash.digest('hex');
  if (found !== sha256) {
    throw new HookError(
      'E_TOCTOU_DIGEST',
      `artifact sha256:${sha256} became sha256:${found} while it was read; find out who writes to the gate's store`,
    );
  }
  await chmod(into, 0o444);
}
