import { readHookDirectory } from '@airlock/process/hook-directory';
import { basename, resolve } from 'node:path';

/**
 * What a target file's `deliver.hook` says about a hook directory: `name@sha256:<64 hex>`.
 *
 * @throws HookDirectoryError when the directory is missing or holds anything but plain files.
 */
export async function pinnedHook(directory: string): Promise<string> {
  const { digest } = await readHookDirectory(directory);
  return `${basename(resolve(directory))}@sha256:${digest}`;
}
