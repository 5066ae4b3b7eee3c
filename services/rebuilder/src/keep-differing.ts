import { mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';

/** Enough for whoever looks into an incident; more would fill the disk of a build that is never reproducible. */
const kept = 10;

/**
 * Moves an artifact that differs from the main builder's to a place where people find it, and removes the oldest beyond ten.
 *
 * @returns its new path, named by its digest.
 */
export async function keepDiffering(
  directory: string,
  artifact: { readonly file: string; readonly digest: string },
): Promise<string> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const path = join(directory, artifact.digest);
  await rename(artifact.file, path);
  const files = await Promise.all(
    (await readdir(directory)).map(async (name) => {
      const file = join(directory, name);
      return { file, at: (await stat(file)).mtimeMs };
    }),
  );
  const oldest = files.toSorted((a, b) => b.at - a.at).slice(kept);
  for (const { file } of oldest) await rm(file, { force: true });
  return path;
}
