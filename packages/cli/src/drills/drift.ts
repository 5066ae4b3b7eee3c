/** What runs in production is changed by somebody whom the gate never heard of, and whether anybody hears of that. */
import { z } from 'zod';
import { signedIn } from '../signed-in.ts';
import type { WebSession } from '../web-session.ts';
import { asAccount, type Query } from './database-door.ts';
import { all, type Drill, type Way } from './drill.ts';
import { production } from './held-hook.ts';
import { asNonprodRoot } from './nonprod-root.ts';
import { approve, offered, patienceMs, until } from './release.ts';

const Queue = z.looseObject({
  live: z.array(z.looseObject({ target: z.string(), runs: z.looseObject({ kind: z.string() }) })),
});
const Served = z.array(z.looseObject({ promotion_digest: z.string(), artifact: z.string() }));

/** What nobody delivered. */
const foreign = 'd'.repeat(64);

/** It held when it came within half a minute; how soon is the answer. */
async function comes(way: string, look: () => Promise<boolean>): Promise<Way> {
  const began = performance.now();
  try {
    await until(way, async () => ((await look()) ? true : null));
  } catch (error) {
    if (performance.now() - began < patienceMs) throw error;
    return { way, held: false, answer: 'nothing within half a minute' };
  }
  return { way, held: true, answer: `after ${((performance.now() - began) / 1000).toFixed(0)} s` };
}

async function runsAs(reader: WebSession, target: string, kind: string): Promise<boolean> {
  const { live } = Queue.parse(await reader.getJson('/api/v1/queue'));
  return live.some((each) => each.target === target && each.runs.kind === kind);
}

const entriesFrom = (atGate: Query, from: unknown, type: string, target: string) =>
  atGate(
    `select from ledger_entry where idx >= $1 and convert_from(body, 'UTF8')::jsonb->>'type' = $2
       and convert_from(body, 'UTF8')::jsonb->'refs'->>'target' = $3`,
    [from, type, target],
  );

/** Has all products be of another artifact, works, and puts back what they were. */
async function changed<T>(query: Query, work: () => Promise<T>): Promise<T> {
  const served = Served.parse(
    await query(
      `select promotion_digest, artifact from release_history
       where release = (select release from product limit 1)`,
    ),
  );
  if (served.length === 0) throw new Error('production serves nothing that could be changed');
  const write = async (digest: string, artifact: string): Promise<void> => {
    const text = 'update release_history set artifact = $2 where promotion_digest = $1';
    await query(text, [digest, artifact]);
  };
  try {
    for (const { promotion_digest: digest } of served) await write(digest, foreign);
    return await work();
  } finally {
    for (const { promotion_digest: digest, artifact } of served) await write(digest, artifact);
  }
}

const drift: Drill = {
  id: 'drift',
  controls: [],
  attacker: 'dba',
  attack:
    'has a login to production of its own, changes what runs there behind the gate’s back, and puts it back',
  run: (target) =>
    asNonprodRoot(target, (root) =>
      asAccount(target.owned.superuser, async (atGate) => {
        const at = target.deliveryTarget;
        const mira = await signedIn(target.gate, 'mira');
        // A delivery of its own, because people are told of one and the same delivery once an hour.
        const promotion = await offered(target, root);
        await approve(target, promotion);
        await until('delivery', async () => {
          const text = `select from delivery where promotion_id = $1 and state = 'succeeded'`;
          return (await atGate(text, [promotion])).length > 0 ? true : null;
        });
        await until('look at what was delivered', async () =>
          (await runsAs(mira, at, 'same')) ? true : null,
        );
        const [last] = await atGate('select coalesce(max(idx) + 1, 0) as next from ledger_entry');
        const told = async (type: string): Promise<boolean> =>
          (await entriesFrom(atGate, last?.['next'], type, at)).length > 0;
        const noticed = await asAccount(
          { ...target.owned.superuser, database: production },
          (query) =>
            changed(query, async () => {
              const seen = await comes('the pages', () => runsAs(mira, at, 'other'));
              // Nobody is told of what nobody saw, nor of its end.
              if (!seen.held) return [seen];
              return [
                seen,
                await comes('the ledger, and whoever it tells', () => told('target.drifted')),
              ];
            }),
        );
        const open = noticed.some(({ held }) => !held);
        return all([
          ...noticed,
          ...(open
            ? []
            : [
                await comes('the pages, that it is over', () => runsAs(mira, at, 'same')),
                await comes('the ledger, that it is over', () => told('target.settled')),
              ]),
        ]);
      }),
    ),
};

export const driftDrills: readonly Drill[] = [drift];
