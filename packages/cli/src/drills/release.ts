/** A release of a drill's own: offered with stolen keys, approved by the demo's people, and the waiting for what comes of it. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import { decideWithPasskey, enrolPasskey } from '../decisions.ts';
import { CliError } from '../exit-codes.ts';
import { signedIn } from '../signed-in.ts';
import { bundleOf } from './forgery.ts';
import type { NonprodRoot } from './nonprod-root.ts';
import type { DrillTarget } from './target.ts';

/** Whom the demo's rules ask. */
export const deciders = ['leo', 'mira'];
export const patienceMs = 30_000;
/** @throws after half a minute */
export async function until<T>(what: string, look: () => Promise<T | null>): Promise<T> {
  const end = performance.now() + patienceMs;
  while (performance.now() < end) {
    const found = await look();
    if (found !== null) return found;
    await delay(100);
  }
  throw new Error(`no ${what} within half a minute`);
}

export async function asPerson(target: DrillTarget, person: string) {
  const session = await signedIn(target.gate, person);
  return { session, passkeyFile: await enrolPasskey(session, join(target.directory, 'passkeys')) };
}

const Built = z.object({ digest: z.string().regex(/^[0-9a-f]{64}$/) });

/** What main's newest build really made, which a second builder makes too; where there is none, bytes that the hook reads. */
async function releasable(target: DrillTarget, root: NonprodRoot, commit: string): Promise<Buffer> {
  const [row] = await root.query(
    `select artifact.digest from artifact join run on run.id = artifact.run_id
     where run.commit = $1 and run.ref = 'refs/heads/' || $2 and run.state = 'passed' order by run.number desc limit 1`,
    [commit, target.repository.main],
  );
  if (row === undefined) return catalogue(commit);
  const { digest } = Built.parse(row);
  return readFileSync(join(target.owned.artifactsDirectory, 'blobs', 'sha256', digest));
}

/** Made of stolen keys, of which one is that of the promotion; of main's newest commit. */
export async function offered(target: DrillTarget, root: NonprodRoot): Promise<string> {
  const commit = await root.git('rev-parse', `refs/heads/${target.repository.main}`);
  const artifact = await releasable(target, root, commit);
  const { promotion, code } = await root.offer({
    ...{ bundle: bundleOf(await root.envelopes({ commit, artifact })), artifact },
  });
  if (promotion === null) throw new Error(`no promotion waits: ${code ?? 'refused'}`);
  return promotion;
}

/** Until the enrolment is in the ledger a decision is refused. */
export async function approve(target: DrillTarget, promotionId: string): Promise<void> {
  for (const person of deciders) {
    const { session, passkeyFile } = await asPerson(target, person);
    await until(`approval of ${person}`, async () => {
      try {
        return await decideWithPasskey(session, { promotionId, passkeyFile, note: 'a drill' });
      } catch (error) {
        if (error instanceof CliError && /passkey/.test(error.message)) return null;
        throw error;
      }
    });
  }
}

/** As the pipeline packs it: the hook reads it and begins. */
function catalogue(commit: string): Buffer {
  const directory = mkdtempSync(join(tmpdir(), 'airlock-drill-'));
  try {
    const products = [{ sku: 'drill', name: 'Drill', price_cents: 1 }];
    writeFileSync(join(directory, 'products.json'), JSON.stringify(products));
    writeFileSync(join(directory, 'release.json'), JSON.stringify({ commit, products: 1 }));
    const tar = ['-C', directory, '-czf', join(directory, 'a.tar.gz')];
    execFileSync('tar', [...tar, 'products.json', 'release.json']);
    return readFileSync(join(directory, 'a.tar.gz'));
  } finally {
    rmSync(directory, { recursive: true });
  }
}
