/**
 * The incidents of SolarWinds and TanStack: a machine that builds main is owned, and genuine keys sign what it made. With one
 * builder that is delivered, which is the known limit that the gate states in red; with two it is held.
 */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { approveAs, until, waitForEnd } from '@airlock/demo/flow';
import { rebuilder, target } from '@airlock/demo/names';
import type { Pair } from '@airlock/demo/pair';
import { parseDocument } from 'yaml';
import { z } from 'zod';
import { contraband, withImplant } from '../support/implant.ts';
import { runningPair } from '../support/pair.ts';
import { withoutDelivery } from '../support/production.ts';
import { assertWaits, detailsOf, discard, waitingPromotion } from '../support/promotion.ts';

/** The deliverer looks every second; what is not delivered in three is not delivered. */
const patience = 3;

const Details = z.looseObject({
  checks: z.array(z.looseObject({ id: z.string(), status: z.string(), summary: z.string() })),
  builders: z.looseObject({
    have: z.number(),
    need: z.number(),
    agreeing: z.array(z.looseObject({ builderId: z.string(), adminDomain: z.string() })),
    differing: z.array(
      z.looseObject({
        builderId: z.string(),
        difference: z
          .looseObject({ kind: z.string(), files: z.array(z.looseObject({ path: z.string() })) })
          .nullable(),
      }),
    ),
    silent: z.array(z.string()),
  }),
});

const TrustFile = z.looseObject({
  signers: z.array(z.looseObject({ builderIds: z.array(z.string()) })),
});

/** Rewrites the target's `builders`, as both administrators would after a review. */
async function demand(pair: Pair, threshold: 1 | 2): Promise<void> {
  await pair.editConfiguration((directory) => {
    const file = join(directory, `targets/${target}.yaml`);
    // Comments stay: the first line names the file's schema.
    const policy = parseDocument(readFileSync(file, 'utf8'));
    const of = threshold === 1 ? [] : [rebuilder.id];
    for (const [key, value] of Object.entries({ threshold, of })) {
      policy.setIn(['admits', 0, 'builders', key], policy.createNode(value));
    }
    writeFileSync(file, policy.toString());
  });
}

/** Says in the trust file who administers the rebuilder. */
async function administeredBy(pair: Pair, adminDomain: string): Promise<void> {
  await pair.editConfiguration((directory) => {
    const file = join(directory, 'trust.json');
    const trust = TrustFile.parse(JSON.parse(readFileSync(file, 'utf8')));
    for (const row of trust.signers) {
      if (row.builderIds.includes(rebuilder.id)) row['adminDomain'] = adminDomain;
    }
    writeFileSync(file, JSON.stringify(trust));
  });
}

const buildersOf = async (pair: Pair, id: string) => Details.parse(await detailsOf(pair, id));

async function shopSells(pair: Pair, sku: string): Promise<boolean> {
  const rows = await pair.query('shop', 'select 1 from product where sku = $1', [sku]);
  return rows.length > 0;
}

describe('an owned build host', () => {
  after(async () => {
    const pair = await runningPair();
    await demand(pair, 1);
    await pair.process('rebuilder').stop();
  });

  test('KNOWN LIMIT, one builder: what an implant on the main runner made is delivered, and the page says that it may be', async () => {
    const pair = await runningPair();
    const promotion = await withImplant(pair, () => waitingPromotion(pair));
    const { checks, builders } = await buildersOf(pair, promotion);
    assert.deepEqual([builders.have, builders.need], [1, 1]);
    const check = checks.find(({ id }) => id === 'builders');
    assert.match(check?.summary ?? '', /the bytes rest on one builder$/);
    await approveAs(pair, 'leo', promotion);
    await approveAs(pair, 'mira', promotion);
    const { state } = await waitForEnd(pair, promotion);
    assert.equal(state, 'live');
    assert.equal(await shopSells(pair, contraband), true);
  });

  test('two builders: an honest build is made again by the other one, counted and delivered', async () => {
    const pair = await runningPair();
    await demand(pair, 2);
    const promotion = await waitingPromotion(pair);
    await assertWaits(pair, promotion, { code: 'E_REBUILD_MISSING', have: 0 });
    await withoutDelivery(
      pair,
      async () => {
        await approveAs(pair, 'leo', promotion);
        await approveAs(pair, 'mira', promotion);
      },
      patience,
    );
    const { builders } = await buildersOf(pair, promotion);
    assert.deepEqual(builders.silent, [rebuilder.id]);

    await pair.start('rebuilder');
    const { state } = await waitForEnd(pair, promotion);
    assert.equal(state, 'live');
    const ended = await buildersOf(pair, promotion);
    assert.deepEqual(
      ended.builders.agreeing.map(({ builderId, adminDomain }) => [builderId, adminDomain]),
      [[rebuilder.id, rebuilder.adminDomain]],
    );
    const check = ended.checks.find(({ id }) => id === 'builders');
    assert.equal(check?.summary, 'two independent builders made the same bytes');
    assert.equal(await shopSells(pair, contraband), false);
  });

  test('two builders: what an implant on the main runner made is held, with the file that it changed: E_REBUILD_DIFFERS', async () => {
    const pair = await runningPair();
    const promotion = await withImplant(pair, () => waitingPromotion(pair));
    const { builders } = await until('the answer of the rebuilder', 30, async () => {
      const details = await buildersOf(pair, promotion);
      return details.builders.differing.length > 0 ? details : null;
    });
    const [differing] = builders.differing;
    assert.equal(differing?.builderId, rebuilder.id);
    assert.equal(differing.difference?.kind, 'files');
    assert.deepEqual(
      differing.difference.files.map(({ path }) => path),
      ['products.json'],
    );
    await withoutDelivery(
      pair,
      async () => {
        await approveAs(pair, 'leo', promotion);
        await approveAs(pair, 'mira', promotion);
      },
      patience,
    );
    await assertWaits(pair, promotion, { code: 'E_REBUILD_DIFFERS', have: 2 });
    assert.equal(await shopSells(pair, contraband), false);
    const alarm = readFileSync(join(pair.layout.logs, 'gate-web.log'), 'utf8')
      .split('\n')
      .find((line) => line.includes('"rebuild.differs"'));
    assert.ok(alarm?.includes('"log.level":"error"'), 'an alarm in the log of gate-web');
    await discard(pair, promotion);
  });

  test('a target that asks for two builders does not take one that its own administrators wave through', async () => {
    const pair = await runningPair();
    await administeredBy(pair, 'nonprod');
    try {
      const promotion = await waitingPromotion(pair);
      await until('the answer of the rebuilder', 30, async () => {
        const { builders } = await buildersOf(pair, promotion);
        return builders.silent.length === 0 ? true : null;
      });
      await withoutDelivery(
        pair,
        async () => {
          await approveAs(pair, 'leo', promotion);
          await approveAs(pair, 'mira', promotion);
        },
        patience,
      );
      await assertWaits(pair, promotion, { code: 'E_REBUILD_MISSING', have: 2 });
      await discard(pair, promotion);
    } finally {
      await administeredBy(pair, rebuilder.adminDomain);
    }
  });
});
