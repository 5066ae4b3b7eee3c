/** The pipeline files of a work tree, or of a folder that only has such files, as the compiler takes them. */
import { readFile, readdir, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { planFile, planFiles, type PlanFiles } from '@airlock/pipeline/plan-files';
import { CliError, exitCode } from './exit-codes.ts';

const fileEnding = /\.ya?ml$/;

/**
 * A file is a pipeline of its own. A directory is a work tree when it has pipeline files where Airlock looks for them, and
 * otherwise a folder of pipeline files, which belong together.
 *
 * @throws CliError (usage) where there is nothing to read.
 */
export async function readPlanFiles(where: string): Promise<PlanFiles> {
  const facts = await stat(where).catch(orElse(null));
  if (facts === null) throw absent(where);
  if (!facts.isDirectory()) return files([await textOf(where, basename(where))]);
  const tree = await treeOf(where);
  if (tree.pipelines.length > 0) return tree;
  const names = await readdir(where, { withFileTypes: true });
  const loose = names
    .filter((entry) => entry.isFile() && fileEnding.test(entry.name))
    .map(({ name }) => name)
    .toSorted();
  if (loose.length === 0) throw absent(where);
  return files(await Promise.all(loose.map((name) => textOf(join(where, name), name))));
}

const files = (pipelines: PlanFiles['pipelines']): PlanFiles => ({ pipelines, release: null });

async function textOf(path: string, name: string): Promise<{ path: string; text: string }> {
  return { path: name, text: (await planFile(() => readFile(path))) ?? '' };
}

function treeOf(directory: string): Promise<PlanFiles> {
  return planFiles({
    async list(inside) {
      const entries = await readdir(join(directory, inside), { withFileTypes: true }).catch(
        orElse([]),
      );
      return entries.filter((entry) => entry.isFile()).map(({ name }) => join(inside, name));
    },
    read: (path) => readFile(join(directory, path)).catch(orElse(null)),
  });
}

/** For what does not exist; everything else is thrown again. */
function orElse<T>(instead: T): (error: unknown) => T {
  return (error) => {
    const gone =
      error instanceof Error &&
      'code' in error &&
      ['ENOENT', 'ENOTDIR'].includes(String(error.code));
    if (gone) return instead;
    throw error;
  };
}

const absent = (where: string): CliError =>
  new CliError(
    exitCode.usage,
    `${where} has no pipeline file; name a work tree, a folder of pipeline files or one file`,
  );
