/**
 * From the last approval to the first instruction of the hook, on a whole pair, beside the sum of what no gate can leave out:
 * one checkpoint, one login at Vault, one credential, one sandbox. Each of those is done alone, on the same Postgres, Vault and
 * bubblewrap, between the deliveries. Then where the time went, by the logs of the same deliveries.
 */
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { startPair, type Pair } from '@airlock/demo/pair';
import { createProgress } from '@airlock/demo/progress';
import {
  approveAs,
  askForPromotion,
  commitNewProduct,
  waitForCandidate,
  waitForEnd,
} from '@airlock/demo/flow';
import { readHookDirectory } from '@airlock/process/hook-directory';
import { median, type Figure } from './harness.ts';
import { unavoidable, type Part } from './start/parts.ts';

const rounds = 7;
const goal = 1.5;
/** Two people never sign in the same moment; what the first one's approval sets going has ended by then. */
const betweenPeopleMs = 2_500;

/** Says when it began, by this machine's clock, before anything else. */
const program = `#!/bin/sh
echo "began=$(date +%s%N)"
echo '{}' > "$AIRLOCK_OUT/result.json"
`;

/** How lines of a delivery's log begin, in their order, and what had been done by then. */
const steps = [
  ['delivery ', 'woken, judged and claimed'],
  ['the intent to deliver', 'its intent in a checkpoint'],
  ['hook say-when@', 'hook and artifact copied'],
  ['the authority verified', 'judged by the authority'],
  ['credential db', 'logged in, credential read and recorded'],
  ['hook say-when@', 'hook recorded'],
  ['began=', 'first instruction of the hook'],
] as const;

type Sample = { readonly total: number; readonly spans: Readonly<Record<string, number>> };

export async function* bench(): AsyncGenerator<Figure> {
  const directory = mkdtempSync(join(tmpdir(), 'airlock-bench-'));
  const quiet = new Writable({
    write: (_chunk, _encoding, done) => {
      done();
    },
  });
  const pair = await startPair({ directory, ports: 'free', progress: createProgress(quiet) });
  const closers: (() => Promise<void>)[] = [() => pair.stop()];
  try {
    if (pair.isolation === 'none') throw new Error('bubblewrap is missing: install it');
    const hook = await giveHook(pair);
    const parts = await unavoidable(pair, hook);
    closers.push(() => parts.close());
    const samples: Sample[] = [];
    const alone: Record<Part, number>[] = [];
    // One round more is run first and thrown away.
    for (let round = 0; round <= rounds; round += 1) {
      const sample = await deliverOnce(pair);
      const measured = await parts.measure();
      if (round === 0) continue;
      samples.push(sample);
      alone.push(measured);
    }
    const sumOf = (each: Record<Part, number>) =>
      Object.values(each).reduce((sum, part) => sum + part, 0);
    const value = median(samples.map(({ total }) => total));
    const limit = median(alone.map(sumOf));
    yield {
      name: `start: last approval to the hook (p50 of ${rounds}), goal ${goal}`,
      ...{ value, unit: 'ms', limit, ratio: value / limit },
    };
    for (const part of Object.keys(alone[0] ?? {}) as Part[]) {
      yield {
        name: `start: unavoidable: ${part}`,
        ...{ value: median(alone.map((each) => each[part])), unit: 'ms' },
      };
    }
    for (const name of Object.keys(samples[0]?.spans ?? {})) {
      const spans = samples.map((sample) => sample.spans[name] ?? Number.NaN);
      yield { name: `start: spent until ${name}`, value: median(spans), unit: 'ms' };
    }
    yield { name: 'start: load of the machine at the end', value: loadavg()[0] ?? 0, unit: '' };
  } finally {
    for (const close of closers.toReversed()) await close();
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Puts the hook above in the place of the demo's, under a name of its own; returns its directory. */
async function giveHook(pair: Pair): Promise<string> {
  const hooks = join(pair.layout.gateConfig, 'hooks');
  const hook = join(hooks, 'say-when');
  mkdirSync(hook);
  const manifest = readFileSync(join(hooks, 'load-release/hook.yaml'), 'utf8');
  writeFileSync(join(hook, 'hook.yaml'), manifest.replaceAll('load-release', 'say-when'));
  writeFileSync(join(hook, 'run'), program, { mode: 0o755 });
  const { digest } = await readHookDirectory(hook);
  await pair.editConfiguration((draft) => {
    const file = join(draft, 'targets/prod-eu.yaml');
    const before = readFileSync(file, 'utf8');
    const after = before.replace(/load-release@sha256:[0-9a-f]{64}/, `say-when@sha256:${digest}`);
    if (after === before) throw new Error(`${file} pins no hook load-release`);
    writeFileSync(file, after);
  });
  const own = join(pair.layout.work, 'say-when');
  cpSync(hook, own, { recursive: true });
  return own;
}

async function deliverOnce(pair: Pair): Promise<Sample> {
  const candidate = await waitForCandidate(pair, await commitNewProduct(pair));
  const promotion = await askForPromotion(pair, candidate.id, 'measured');
  await approveAs(pair, 'leo', promotion);
  await sleep(betweenPeopleMs);
  await approveAs(pair, 'mira', promotion);
  const { state } = await waitForEnd(pair, promotion);
  if (state !== 'live') throw new Error(`the promotion ended ${state}`);
  const [approval] = await pair.query<{ last: Date }>(
    'gate',
    'select max(created_at) as last from approval where promotion_id = $1',
    [promotion],
  );
  const log = await pair.query<{ at: Date; line: string }>(
    'gate',
    `select l.at, l.line from delivery_log l join delivery d on d.id = l.delivery_id
     where d.promotion_id = $1 order by l.sequence`,
    [promotion],
  );
  if (approval === undefined) throw new Error(`${promotion} has no approval`);
  const approved = approval.last.getTime();
  const spans: Record<string, number> = {};
  let from = approved;
  for (const [begin, name] of steps) {
    const place = log.findIndex(({ line }) => line.startsWith(begin));
    const found = log[place];
    if (found === undefined) throw new Error(`the log of ${promotion} says nothing of ${begin}`);
    log.splice(0, place + 1);
    const isHook = begin === 'began=';
    const at = isHook ? Number(found.line.slice(begin.length)) / 1e6 : found.at.getTime();
    if (!Number.isFinite(at)) throw new Error(`the hook said: ${found.line}`);
    spans[name] = at - from;
    from = at;
  }
  return { total: from - approved, spans };
}
