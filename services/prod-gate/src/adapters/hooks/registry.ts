/**
 * Registered hooks on disk. The directory is read once: those bytes are hashed, compared with the pinned digest, and
 * written to a private directory, which is what the sandbox runs. A file that changes on disk a moment later changes
 * nothing.
 */
import { AirlockError } from '@airlock/common/errors';
import { readHookDirectory } from '@airlock/process/hook-directory';
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { HookError } from './errors.ts';
import type { HookManifest } from '@airlock/process/hook-manifest';
import { parseHookManifest } from './manifest.ts';

export type PinnedHook = { readonly name: string; readonly digest: string };

/** @throws HookError `E_HOOK_DIGEST` when `text` is not `name@sha256:<64 hex>`. */
export function parsePinnedHook(text: string): PinnedHook {
  const parts = /^([a-z0-9][a-z0-9-]{0,62})@sha256:([0-9a-f]{64})$/.exec(text);
  const [, name, digest] = parts ?? [];
  if (name === undefined || digest === undefined) {
    throw new HookError('E_HOOK_DIGEST', `hook ${text}: name@sha256:<64 hex> expected`);
  }
  return { name, digest };
}

/**
 * Copies the pinned hook into `into`, which must not exist yet and becomes readable by the sandbox's user.
 *
 * @throws HookError `E_HOOK_DIGEST` when the directory on disk is missing, unreadable or not the pinned one;
 *   `hook-manifest` when it has no usable `hook.yaml` and executable `run`.
 */
export async function copyPinnedHook(options: {
  hooksDirectory: string;
  pinned: PinnedHook;
  into: string;
}): Promise<HookManifest> {
  const { pinned, into } = options;
  const source = join(options.hooksDirectory, pinned.name);
  const hook = await readHookDirectory(source).catch((cause: unknown) => {
    if (!(cause instanceof AirlockError)) throw cause;
    throw new HookError('E_HOOK_DIGEST', cause.message, { cause });
  });
  if (hook.digest !== pinned.digest) {
    throw new HookError(
      'E_HOOK_DIGEST',
      `hook ${pinned.name} on disk is sha256:${hook.digest}, approved was sha256:${pinned.digest}; ` +
        `restore the approved files, or pin the new digest in the target file and ask for approval again`,
    );
  }
  const manifest = hook.files.find((file) => file.path === 'hook.yaml');
  const run = hook.files.find((file) => file.path === 'run');
  if (manifest === undefined || run?.mode !== '755') {
    throw new HookError(
      'hook-manifest',
      `hook ${pinned.name}: hook.yaml and an executable file named run expected`,
    );
  }
  await mkdir(into);
  for (const file of hook.files) {
    const path = join(into, file.path);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, file.content, { flag: 'wx' });
    // chmod and not the mode of creation, which the umask would cut.
    await chmod(path, file.mode === '755' ? 0o555 : 0o444);
  }
  await chmod(into, 0o755);
  return parseHookManifest(manifest.content.toString('utf8'), pinned.name);
}
