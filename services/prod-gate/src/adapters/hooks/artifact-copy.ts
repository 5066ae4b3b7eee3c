import { positionalChunks, verifyHandle } from '@airlock/artifacts/verified-read';
import { AirlockError } from '@airlock/common/errors';
import type { BigIntStats } from 'node:fs';
import { lstat, open, type FileHandle } from 'node:fs/promises';
import { HookError } from './errors.ts';

/** What the gate's artifact store gives: a descriptor whose bytes it has just hashed. */
export type VerifiedArtifacts = {
  openVerified(digest: string): Promise<{ handle: FileHandle; size: number }>;
};

/** The private copy that the hook gets, held open from the moment it was hashed. */
export type ApprovedCopy = {
  /**
   * The copy is still the file that was hashed, and nothing was done to it since: not written, renamed, linked, chmodded.
   * The kernel says so by the change time, which no program can set.
   *
   * @throws HookError `E_TOCTOU_DIGEST`
   */
  assertUntouched(): Promise<void>;
  /** Safe to repeat. */
  close(): Promise<void>;
};

/**
 * Copies an approved artifact to `into` and hashes that copy through the descriptor that is kept. A blob that is replaced in
 * the store after this changes nothing, and one that was replaced before is refused here.
 *
 * @throws HookError `E_TOCTOU_DIGEST` when the store has it no more or its bytes have another SHA-256.
 */
export async function copyApprovedArtifact(options: {
  artifacts: VerifiedArtifacts;
  sha256: string;
  into: string;
}): Promise<ApprovedCopy> {
  const { sha256, into } = options;
  const { handle: source } = await options.artifacts
    .openVerified(sha256)
    .catch((cause: unknown) => {
      throw new HookError(
        'E_TOCTOU_DIGEST',
        `artifact sha256:${sha256} in the gate's store is missing or no longer what was approved; ` +
          'find out who changed the store, then promote the release again',
        { cause },
      );
    });
  try {
    await writeCopy(source, into);
  } finally {
    await source.close();
  }
  const copy = await open(into, 'r');
  try {
    await verifyHandle(copy, sha256);
    return sealed(copy, into, sha256, await copy.stat({ bigint: true }));
  } catch (cause) {
    await copy.close();
    if (!(cause instanceof AirlockError) || cause.code !== 'artifact-corrupt') throw cause;
    throw new HookError(
      'E_TOCTOU_DIGEST',
      `artifact sha256:${sha256} changed while it was copied; find out who writes to the gate's store or to the deliverer's work directory`,
      { cause },
    );
  }
}

async function writeCopy(source: FileHandle, into: string): Promise<void> {
  const target = await open(into, 'wx', 0o600);
  try {
    for await (const chunk of positionalChunks(source)) await target.writeFile(chunk);
    await target.chmod(0o444);
  } finally {
    await target.close();
  }
}

function sealed(copy: FileHandle, path: string, sha256: string, seal: BigIntStats): ApprovedCopy {
  let isOpen = true;
  return {
    async assertUntouched() {
      // By name, because that is how the sandbox finds it.
      const now = await lstat(path, { bigint: true });
      const isSame = (['dev', 'ino', 'size', 'mode', 'mtimeNs', 'ctimeNs'] as const).every(
        (fact) => now[fact] === seal[fact],
      );
      if (isSame) return;
      throw new HookError(
        'E_TOCTOU_DIGEST',
        `the deliverer's private copy of artifact sha256:${sha256} was touched after it was hashed; ` +
          'find out which process of this user writes to the work directory',
      );
    },
    async close() {
      if (!isOpen) return;
      isOpen = false;
      await copy.close();
    },
  };
}
