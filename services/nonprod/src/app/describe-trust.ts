import { isDeepStrictEqual } from 'node:util';
import type { FilesFrom } from '../domain/held-run.ts';
import type { HeldFiles } from './held-files.ts';
import type { ReleaseStore, WaitingRun } from './release-ports.ts';
import type { RunTrust } from './trust-ports.ts';

export interface TrustDescription {
  readonly trust: RunTrust;
  /** Who released it; null when nobody had to or has. */
  readonly release: {
    readonly files: FilesFrom;
    readonly name: string;
    readonly at: Date;
  } | null;
  /** What there is to look at before it is released; null unless it waits. */
  readonly held: (HeldFiles & { readonly commit: string; readonly isSame: boolean }) | null;
}

/** What a run's page says of its trust; null for a run that is not there. */
export function createDescribeTrust(ports: {
  readonly releases: ReleaseStore;
  readonly readHeldFiles: (run: WaitingRun) => Promise<HeldFiles>;
}): (runId: string) => Promise<TrustDescription | null> {
  const { releases, readHeldFiles } = ports;
  return async (runId) => {
    const run = await releases.run(runId);
    if (run === null) return null;
    const { trust, state, commit } = run;
    const release = await releases.of(runId);
    if (state !== 'held') return { trust, release, held: null };
    const files = await readHeldFiles(run);
    const isSame = isDeepStrictEqual(files.base, files.own);
    return { trust, release, held: { ...files, commit, isSame } };
  };
}
