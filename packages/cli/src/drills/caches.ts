/** What a stranger leaves in caches for runs that are trusted more (as in CVE-2026-45321). */
import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import { signedIn } from '../signed-in.ts';
import { logOf, push, reasonsOf, runOf, type RunSeen } from './build-door.ts';
import { all, type Drill, type Way } from './drill.ts';
import { sayAsForge } from './hook-door.ts';
import type { DrillTarget } from './target.ts';

const Deliveries = z.object({
  deliveries: z.array(z.looseObject({ deliveryId: z.string(), state: z.string() })),
});
const Trust = z.looseObject({ level: z.number() });

/** Says of a head that nobody has pushed yet whose it is, and waits until that was read. */
async function announce(
  target: DrillTarget,
  of: { readonly number: number; readonly base: string; readonly commit: string },
): Promise<void> {
  const stranger = { id: 9_000_000 + of.number, login: `drill-${of.number}` };
  const fork = { id: stranger.id, full_name: `${stranger.login}/fork` };
  const id = await sayAsForge(target, 'pull_request', {
    action: 'opened',
    number: of.number,
    pull_request: {
      ...{ number: of.number, title: 'A drill', state: 'open', user: stranger },
      updated_at: new Date().toISOString(),
      head: { ref: 'drill', sha: of.commit, repo: fork },
      base: { ref: of.base, repo: { id: 1, full_name: target.repository.name } },
    },
  });
  const dana = await signedIn(target.nonprod, 'dana');
  const until = performance.now() + 30_000;
  while (performance.now() < until) {
    const { deliveries } = Deliveries.parse(await dana.getJson('/api/v1/webhooks'));
    const state = deliveries.find(({ deliveryId }) => deliveryId === id)?.state;
    if (state === 'handled') return;
    if (state === 'refused' || state === 'ignored') break;
    await delay(100);
  }
  throw new Error('nonprod did not take what the forge says of a pull request');
}

const look = 'echo "kept: $(cat kept/mark 2>/dev/null || echo nothing)"';

const cachePoison: Drill = {
  id: 'cache-poison',
  controls: ['V34'],
  attacker: 'stranger',
  attack:
    'fills, by the script of a pull request, the cache that a branch’s pipeline reads under the same key',
  async run(target) {
    const mark = `planted-${randomBytes(8).toString('hex')}`;
    const branch = `drill-cache-${randomBytes(6).toString('hex')}`;
    const step = {
      ...{ name: 'attack', image: 'shop-builder', commands: ['sh keep.sh'] },
      backend_options: { airlock: { cache: [{ path: 'kept', key: mark }] } },
    };
    const pipeline = { when: [{ event: ['push', 'pull_request'] }], steps: [step] };
    const files = { '.woodpecker.yaml': `${JSON.stringify(pipeline)}\n`, 'keep.sh': `${look}\n` };

    const seen = async (commit: string): Promise<{ run: RunSeen; log: string; level: number }> => {
      const run = await runOf(target, commit);
      const dana = await signedIn(target.nonprod, 'dana');
      const { level } = Trust.parse(await dana.getJson(`/api/v1/runs/${run.id}/trust`));
      return { run, level, log: await logOf(target, run, 'attack') };
    };
    const build = async (message: string) =>
      seen(await push(target, { ref: `refs/heads/${branch}`, message, files }));
    const pullRequest = async () => {
      const number = 100_000 + (randomBytes(3).readUIntBE(0, 3) % 800_000);
      return await seen(
        await push(target, {
          ref: `refs/pull/${number}/head`,
          files: { 'keep.sh': `${look}\nmkdir -p kept\necho ${mark} > kept/mark\n` },
          before: (commit) => announce(target, { number, base: branch, commit }),
        }),
      );
    };

    // Its pipeline file is what strangers' pull requests against it follow.
    await build('A branch that keeps a directory');
    const planted = await pullRequest();
    if (planted.level !== 0 || !/^cache kept: written, /m.test(planted.log)) {
      const why = planted.log.match(/^cache kept: .*$/gm)?.join('; ') ?? reasonsOf(planted.run);
      throw new Error(`the pull request (level ${planted.level}) planted nothing: ${why}`);
    }
    const other = await pullRequest();
    const reader = await build('The same branch, after the attack');
    const ways: Way[] = [
      {
        // Otherwise nothing that was planted could be read by anybody.
        ...{ way: 'another stranger', held: other.log.includes(`kept: ${mark}`) },
        answer: 'finds it (level 0, their own)',
      },
      {
        way: `the branch (level ${reader.level})`,
        held:
          reader.level > 0 &&
          reader.log.includes('kept: nothing') &&
          reader.log.includes('cache kept: none yet for this key') &&
          !reader.log.includes(mark),
        answer: reader.log.includes(mark) ? 'found what the stranger planted' : 'finds nothing',
      },
    ];
    return all(ways);
  },
};

export const cacheDrills: readonly Drill[] = [cachePoison];
