/** Every drill of `airlock drill`, against a pair of its own. */
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { drill, type Drilled } from '@airlock/cli/drills/drill';
import { drills } from '@airlock/cli/drills/index';
import { drillTarget } from '@airlock/cli/drills/target';
import { signedIn } from '@airlock/cli/signed-in';
import { readStops } from '@airlock/cli/stop-requests';
import { until } from '@airlock/demo/flow';
import type { Pair } from '@airlock/demo/pair';
import { signLift } from '../support/stops.ts';
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

/** Runs a drill while the database does what the defence would have kept from happening. */
async function disarmed(pair: Pair, id: string, arm: string, table: string): Promise<Drilled> {
  const attempt = drills.find((each) => each.id === id);
  assert.ok(attempt);
  await pair.query(
    'nonprod',
    `create function disarm() returns trigger language plpgsql as $$ begin ${arm} return new; end $$;
     create trigger disarm before insert or update on ${table} for each row execute function disarm()`,
  );
  try {
    return await drill(attempt, drillTarget(pair.layout.directory));
  } finally {
    await pair.query('nonprod', `drop trigger disarm on ${table}; drop function disarm()`);
  }
}

test('pool-escape succeeds, and says so, where the pool of main takes whatever comes', async () => {
  const pair = await runningPair();
  const arm = `if new.name = 'drill-main' then new.trust := 0; end if;`;
  const { held, evidence } = await disarmed(pair, 'pool-escape', arm, 'pool');
  assert.equal(held, false);
  assert.match(evidence, /got through: .*of main, in a branch/);
});

test('image-not-listed succeeds, and says so, where a pool lists every image', async () => {
  const pair = await runningPair();
  const arm = `if new.name = 'drill-images' then
    new.images := '[{"glob": "**", "digest": null, "plugin": true}]'; end if;`;
  const { held, evidence } = await disarmed(pair, 'image-not-listed', arm, 'pool');
  assert.equal(held, false);
  assert.match(evidence, /evil\.example\/drill\/listed:1/);
});

test('budget succeeds, and says so, where nothing that is built is counted', async () => {
  const pair = await runningPair();
  const { held, evidence } = await disarmed(pair, 'budget', 'new.builds := 0;', 'usage_day');
  assert.equal(held, false);
  assert.match(evidence, /got through: by push, .*: of 6 6 built, 0 refused/);
});

test('lift-alone succeeds, and says so, where a second person signs', async () => {
  const pair = await runningPair();
  const attempt = drills.find(({ id }) => id === 'lift-alone');
  assert.ok(attempt);
  const mira = await signedIn(pair.gateOrigin, 'mira');
  const [{ held, evidence }] = await Promise.all([
    drill(attempt, drillTarget(pair.layout.directory)),
    until('the stop of the drill', 20, async () => {
      const stop = (await readStops(mira)).stops.find(({ reason }) => reason === 'a drill');
      if (stop === undefined) return null;
      await signLift(pair, 'leo', stop.id);
      return true;
    }),
  ]);
  assert.equal(held, false);
  assert.match(evidence, /got through: .*one signature/);
});

test('hook-outlives-stop succeeds, and says so, where the deliverer may not read what is stopped', async () => {
  const pair = await runningPair();
  const attempt = drills.find(({ id }) => id === 'hook-outlives-stop');
  assert.ok(attempt);
  // In the very transaction of the stop, so that no look comes between.
  await pair.query(
    'gate',
    `create function disarm() returns trigger language plpgsql security definer as $$
       begin revoke select on stop from gate_deliverer; return null; end $$;
     create trigger disarm after insert on stop for each row execute function disarm()`,
  );
  try {
    const { held, evidence } = await drill(attempt, drillTarget(pair.layout.directory));
    assert.equal(held, false);
    assert.match(evidence, /got through: the end of the hook: after \d+ ms/);
  } finally {
    await pair.query(
      'gate',
      'drop trigger disarm on stop; drop function disarm(); grant select on stop to gate_deliverer',
    );
  }
});

test('lying-web succeeds, and says so, where the pages’ account may write deliveries', async () => {
  const pair = await runningPair();
  const attempt = drills.find(({ id }) => id === 'lying-web');
  assert.ok(attempt);
  await pair.query('gate', 'grant insert on delivery to gate_web');
  try {
    const { held, evidence } = await drill(attempt, drillTarget(pair.layout.directory));
    assert.equal(held, false);
    assert.match(evidence, /got through: a delivery/);
  } finally {
    await pair.query('gate', 'revoke insert on delivery from gate_web');
  }
});

test('drift succeeds, and says so, where what was seen is not kept', async () => {
  const pair = await runningPair();
  const attempt = drills.find(({ id }) => id === 'drift');
  assert.ok(attempt);
  await pair.query(
    'gate',
    `create function disarm() returns trigger language plpgsql as $$
       begin if new.sight = 'other' then raise exception 'disarmed'; end if; return new; end $$;
     create trigger disarm before insert or update on target_observation for each row execute function disarm()`,
  );
  try {
    const { held, evidence } = await drill(attempt, drillTarget(pair.layout.directory));
    assert.equal(held, false);
    assert.match(evidence, /got through: the pages: nothing within half a minute$/);
  } finally {
    await pair.query('gate', 'drop trigger disarm on target_observation; drop function disarm()');
  }
});

test('build-storm succeeds, and says so, where the runner counts elsewhere', async () => {
  const pair = await runningPair();
  const attempt = drills.find(({ id }) => id === 'build-storm');
  assert.ok(attempt);
  const target = drillTarget(pair.layout.directory);
  const file = join(pair.layout.work, 'built-elsewhere.json');
  copyFileSync(target.runnerDay.file, file);
  const runnerDay = { ...target.runnerDay, file };
  const { held, evidence } = await drill(attempt, { ...target, runnerDay });
  assert.equal(held, false);
  assert.match(evidence, /^3 of 4 ways got through: more of a repository, .*: passed/);
});

test('login-beside-gate succeeds, and says so, where Vault logs elsewhere than the auditor looks', async () => {
  const pair = await runningPair();
  const attempt = drills.find(({ id }) => id === 'login-beside-gate');
  assert.ok(attempt);
  const target = drillTarget(pair.layout.directory);
  const { vault } = target.owned;
  assert.ok(vault);
  const auditFile = join(pair.layout.work, 'vault-audit-until-now.log');
  copyFileSync(vault.auditFile, auditFile);
  const owned = { ...target.owned, vault: { ...vault, auditFile } };
  const { held, evidence } = await drill(attempt, { ...target, owned });
  assert.equal(held, false);
  assert.match(evidence, /got through: a login by root, .*: named by nothing/);
});
