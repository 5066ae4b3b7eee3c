/** What a registered hook's own files say, for those who never run one. */
import type { HookKind } from '@airlock/common/hook/kind';
import {
  HookDirectoryError,
  readHookDirectory,
  type HookDirectory,
} from '@airlock/process/hook-directory';
import type { HookManifest } from '@airlock/process/hook-manifest';
import { join } from 'node:path';
import type { RegisteredHook } from '../../app/view-hook.ts';
import { HookError } from '../hooks/errors.ts';
import { parseHookManifest } from '../hooks/manifest.ts';
import { parsePinnedHook } from '../hooks/registry.ts';

/** Null when there is no such hook. @throws HookDirectoryError */
export async function readHook(
  hooksDirectory: string,
  name: string,
): Promise<HookDirectory | null> {
  try {
    return await readHookDirectory(join(hooksDirectory, name));
  } catch (cause) {
    if (cause instanceof HookDirectoryError && cause.code === 'hook-missing') return null;
    throw cause;
  }
}

/** All that is shown of a hook. Null when there is no such hook. @throws HookDirectoryError */
export async function readRegisteredHook(
  hooksDirectory: string,
  name: string,
): Promise<RegisteredHook | null> {
  const found = await readHook(hooksDirectory, name);
  if (found === null) return null;
  const { digest } = found;
  const files = found.files.map(({ path, content }) => ({ path, bytes: content.length }));
  try {
    return { digest, files, manifest: manifestOf(found, name), fault: null };
  } catch (cause) {
    if (!(cause instanceof HookError)) throw cause;
    return { digest, files, manifest: null, fault: cause.message };
  }
}

/** Null without a hook.yaml. @throws HookError */
function manifestOf({ files }: HookDirectory, name: string): HookManifest | null {
  const file = files.find(({ path }) => path === 'hook.yaml');
  return file === undefined ? null : parseHookManifest(file.content.toString('utf8'), name);
}

/**
 * @param hook `name@sha256:…`; null where those very files are not there.
 * @throws HookDirectoryError, HookError
 */
export async function readHookKind(hooksDirectory: string, hook: string): Promise<HookKind | null> {
  const { name, digest } = parsePinnedHook(hook);
  const found = await readHook(hooksDirectory, name);
  if (found?.digest !== digest) return null;
  return manifestOf(found, name)?.kind ?? null;
}
