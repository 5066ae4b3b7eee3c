/** What a registered hook's own files say, for those who never run one. */
import type { HookKind } from '@airlock/common/hook/kind';
import {
  HookDirectoryError,
  readHookDirectory,
  type HookDirectory,
} from '@airlock/process/hook-directory';
import { join } from 'node:path';
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

/**
 * @param hook `name@sha256:…`; null where those very files are not there.
 * @throws HookDirectoryError, HookError
 */
export async function readHookKind(hooksDirectory: string, hook: string): Promise<HookKind | null> {
  const { name, digest } = parsePinnedHook(hook);
  const found = await readHook(hooksDirectory, name);
  const manifest = found?.files.find(({ path }) => path === 'hook.yaml');
  if (found?.digest !== digest || manifest === undefined) return null;
  return parseHookManifest(manifest.content.toString('utf8'), name).kind;
}
