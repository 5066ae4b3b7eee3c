/**
 * The name of a deploy hook's content. A target file pins a hook by this digest, approvals sign it as part of the
 * promotion document, and the deliverer computes it again from the very bytes that it is about to run.
 */
import { createHash } from 'node:crypto';
import { AirlockError } from '../errors.ts';

/** One file of a hook's directory. `path` is relative with `/`; the mode is 755 when the owner may execute the file. */
export type HookFileFacts = {
  readonly path: string;
  readonly mode: '755' | '644';
  readonly sha256: string;
};

export type HookDigestErrorCode = 'hook-file-malformed' | 'hook-file-twice' | 'hook-empty';

export class HookDigestError extends AirlockError<HookDigestErrorCode> {}

const relativePath = /^(?!.*(^|\/)\.{1,2}(\/|$))[A-Za-z0-9._-]+(\/[A-Za-z0-9._-]+)*$/;

/**
 * SHA-256, 64 lower-case hexadecimal digits, of the canonical JSON `[{path, mode, sha256}…]` sorted by path (byte order).
 *
 * @throws HookDigestError `hook-empty`; `hook-file-malformed` for a path, mode or hash outside its grammar;
 *   `hook-file-twice` when two entries have one path.
 */
export function hookDigest(files: readonly HookFileFacts[]): string {
  if (files.length === 0) throw new HookDigestError('hook-empty', 'a hook without files');
  const sorted = [...files].sort((a, b) =>
    Buffer.compare(Buffer.from(a.path), Buffer.from(b.path)),
  );
  const seen = new Set<string>();
  for (const { path, mode, sha256 } of sorted) {
    // The modes are compared although the type names them: the digest is also taken of what a file system reported.
    const modeIsKnown = ['755', '644'].includes(mode);
    if (!relativePath.test(path) || !modeIsKnown || !/^[0-9a-f]{64}$/.test(sha256)) {
      throw new HookDigestError(
        'hook-file-malformed',
        `${JSON.stringify(path)}: a relative path of letters, digits, . _ - with mode 755 or 644 expected`,
      );
    }
    if (seen.has(path)) throw new HookDigestError('hook-file-twice', `${path} stands twice`);
    seen.add(path);
  }
  const canonical = JSON.stringify(
    sorted.map(({ path, mode, sha256 }) => ({ path, mode, sha256 })),
  );
  return createHash('sha256').update(canonical).digest('hex');
}
