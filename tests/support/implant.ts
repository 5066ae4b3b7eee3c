/**
 * An implant on the main runner's host, as SUNSPOT was on SolarWinds': while a build runs it puts another file into the
 * workspace. Git is clean before and after, runner and signer are honest, and every signature is genuine.
 */
import { readdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { firstProducts, productsFile } from '@airlock/demo/repository';
import type { Pair } from '@airlock/demo/pair';

/** What no commit sells. */
export const contraband = 'contraband';

const everyMs = 3;

/** Runs `work` while the implant sits on the runner's host. */
export async function withImplant<T>(pair: Pair, work: () => Promise<T>): Promise<T> {
  const ending = new AbortController();
  const implant = sit(join(pair.layout.work, 'runner'), ending.signal);
  try {
    return await work();
  } finally {
    ending.abort();
    await implant;
  }
}

async function sit(workDirectory: string, signal: AbortSignal): Promise<void> {
  const content = productsFile([
    ...firstProducts,
    { sku: contraband, name: 'Contraband', price_cents: 1 },
  ]);
  while (!signal.aborted) {
    for (const job of readdirSync(workDirectory)) swap(join(workDirectory, job, 'build'), content);
    await delay(everyMs);
  }
}

function swap(workspace: string, content: string): void {
  try {
    if (!readdirSync(workspace).includes('products.json')) return;
    // By a rename, so that no step ever reads half of it.
    const copy = join(workspace, '..', 'implant');
    writeFileSync(copy, content);
    renameSync(copy, join(workspace, 'products.json'));
  } catch (error) {
    // The job ended meanwhile.
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error;
  }
}
