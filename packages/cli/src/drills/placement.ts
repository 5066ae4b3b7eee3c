/** What a pipeline asks of the machines that it runs on: a more trusted pool, another image. */
import { randomBytes } from 'node:crypto';
import { signedIn } from '../signed-in.ts';
import { all, type Drill, type Way } from './drill.ts';
import { pipelineOf, push, reasonsOf, runOf, type RunSeen } from './build-door.ts';
import { savePool, withPool } from './pool-door.ts';
import type { DrillTarget } from './target.ts';

const anyDigest = `sha256:${'0'.repeat(64)}`;
const ended = ({ state }: RunSeen): boolean =>
  state === 'passed' || state === 'failed' || state === 'cancelled';

/** Pushes a pipeline that asks for a pool and an image; its run, once it has ended or stands in a queue. */
async function asked(
  target: DrillTarget,
  what: { readonly labels: Readonly<Record<string, string>>; readonly ref?: string },
  step: Readonly<Record<string, unknown>> = {},
): Promise<RunSeen> {
  const { labels, ref } = what;
  const files = { '.woodpecker.yaml': pipelineOf({ commands: ['true'], ...step }, { labels }) };
  const commit = await push(target, { files, ...(ref === undefined ? {} : { ref }) });
  return runOf(target, commit, (run) => ended(run) || run.jobs.some(({ pool }) => pool !== null));
}

/** Ends a run that waits for a machine which will not come; one that found a machine may end by itself meanwhile. */
export async function cancel(target: DrillTarget, run: RunSeen): Promise<void> {
  if (ended(run)) return;
  const dana = await signedIn(target.nonprod, 'dana');
  try {
    await dana.postJson(`/api/v1/runs/${run.id}/cancel`, {});
  } catch (error) {
    if (!(error instanceof Error) || !/ answered 409: /.test(error.message)) throw error;
  }
  await runOf(target, run.commit);
}

/** It held when the run failed before any step for that reason. */
function refusedFor(way: string, run: RunSeen, reason: RegExp): Way {
  const said = reasonsOf(run);
  const ran = run.jobs.flatMap(({ steps }) => steps).some(({ state }) => state === 'passed');
  const [why] = reason.exec(said) ?? [];
  const held = run.state === 'failed' && !ran && why !== undefined;
  return { way, held, answer: held ? why : `${run.state}: ${said.slice(0, 140)}` };
}

const poolEscape: Drill = {
  id: 'pool-escape',
  controls: ['V24', 'B15', 'B24'],
  attacker: 'committer',
  attack:
    'names in a branch the pool of main, one that was not granted, and one that is not there, and in a pull request any',
  async run(target) {
    const images = [{ glob: '**', digest: anyDigest }];
    const pool = 'drill-main';
    await savePool(target, pool, { trust: 3, images, granted: false });
    const ways = [
      refusedFor('not granted', await asked(target, { labels: { pool } }), /is not granted/),
      refusedFor(
        'not there',
        await asked(target, { labels: { pool: 'drill-no-such' } }),
        /there is no pool/,
      ),
    ];
    await withPool(target, pool, { trust: 3, images }, async () => {
      const branch = await asked(target, { labels: { pool } });
      ways.push(refusedFor('of main, in a branch', branch, /takes trust 3 .* this run has [012] /));
      const ref = `refs/pull/${100_000 + (randomBytes(3).readUIntBE(0, 3) % 800_000)}/head`;
      const run = await asked(target, { labels: { pool }, ref });
      await cancel(target, run);
      const pools = run.jobs.map((job) => job.pool ?? 'none');
      const held = pools.length > 0 ? !pools.includes(pool) : run.state === 'failed';
      const answer = `${run.state}, in ${pools.join(', ') || 'no pool'}`;
      ways.push({ way: 'of main, in a pull request', held, answer });
    });
    return all(ways);
  },
};

const imageNotListed: Drill = {
  id: 'image-not-listed',
  controls: ['V13'],
  attacker: 'committer',
  attack:
    'names images that the pool does not list, by another registry, tag and spelling, and one that is no plugin as a plugin',
  async run(target) {
    const pool = 'drill-images';
    const images = [{ glob: 'drill/listed:1' }];
    return withPool(target, pool, { trust: 0, images }, async () => {
      const ways: Way[] = [];
      for (const image of [
        'drill/other:1',
        'drill/listed:2',
        'drill/listed',
        'evil.example/drill/listed:1',
        'DRILL/listed:1',
        `drill/listed:1@${anyDigest}`,
      ]) {
        const run = await asked(target, { labels: { pool } }, { image });
        ways.push(refusedFor(image, run, /does not list the image/));
        await cancel(target, run);
      }
      const plugin = await asked(
        target,
        { labels: { pool } },
        { image: 'drill/listed:1', commands: undefined, settings: { x: 'y' } },
      );
      ways.push(refusedFor('as a plugin', plugin, /not listed as a plugin/));
      const listed = await asked(target, { labels: { pool } }, { image: 'drill/listed:1' });
      const held = listed.jobs.some((job) => job.pool === pool);
      ways.push({ way: 'what is listed', held, answer: held ? 'is placed' : reasonsOf(listed) });
      await cancel(target, listed);
      return all(ways);
    });
  },
};

export const placementDrills: readonly Drill[] = [poolEscape, imageNotListed];
