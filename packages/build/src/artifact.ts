import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import { AirlockError } from '@airlock/common/errors';
import type { Isolation } from './isolation/isolation.ts';

export type ArtifactErrorCode = 'artifact-missing' | 'artifact-too-large';
export class ArtifactError extends AirlockError<ArtifactErrorCode> {}

// A link would let a build name a file that it did not make; a device or a pipe has no end.
const script = `if [ -L "$1" ] || [ ! -f "$1" ]; then exit 66; fi; exec cat -- "$1"`;

/**
 * Reads one regular file out of a workspace, from inside the isolation, so that whatever the build made of the path leads
 * nowhere but into the workspace. The digest is of the bytes that are kept.
 *
 * @throws ArtifactError
 */
export async function collectArtifact(options: {
  isolation: Isolation;
  workspace: string;
  /** Relative to the workspace. */
  path: string;
  maxBytes: number;
  /** File on this machine that receives the bytes. */
  to: string;
  signal: AbortSignal;
}): Promise<{ digest: string; size: number; enforced: string[] }> {
  const { isolation, workspace, path, maxBytes, to, signal } = options;
  const hash = createHash('sha256');
  let size = 0;
  let complaint = '';
  const file = await open(to, 'wx', 0o600);
  try {
    const result = await isolation.run({
      command: ['/bin/sh', '-c', script, 'sh', path],
      env: {},
      workspace,
      writable: false,
      wallSeconds: 600,
      signal,
      onOutput: async (stream, chunk) => {
        if (stream === 'stderr') {
          complaint = (complaint + chunk.toString()).slice(0, 500);
          return;
        }
        size += chunk.length;
        if (size > maxBytes) {
          throw new ArtifactError(
            'artifact-too-large',
            `${path} has more than ${maxBytes} bytes; make it smaller or raise maxSize in the release file`,
          );
        }
        hash.update(chunk);
        await file.writeFile(chunk);
      },
    });
    if (result.exitCode === 66) {
      throw new ArtifactError(
        'artifact-missing',
        `${path} is not a regular file after the last step; check path in the release file`,
      );
    }
    if (result.exitCode !== 0) {
      throw new ArtifactError(
        'artifact-missing',
        `${path} could not be read: ${complaint.trim() || result.outcome}`,
      );
    }
    return { digest: hash.digest('hex'), size, enforced: result.enforced };
  } finally {
    await file.close();
  }
}
