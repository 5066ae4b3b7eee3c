/** Every drill of `airlock drill`, against a pair of its own. */
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { drill } from '@airlock/cli/drills/drill';
import { drills } from '@airlock/cli/drills/index';
import { drillTarget } from '@airlock/cli/drills/target';
import { until } from '@airlock/demo/flow';
import { runningPair } from '../support/pair.ts';

for (const each of drills) {
  test(`drill ${each.id}: nothing comes of it when somebody ${each.attack}`, async () => {
    const pair = await runningPair();
    await until('a run', 60, async () => {
      const runs = await pair.query('nonprod', 'select 1 from run limit 1');
      return runs.length === 0 ? null : runs;
    });
    const { held, evidence } = await drill(each, drillTarget(pair.layout.directory));
    assert.ok(held, evidence);
  });
}
