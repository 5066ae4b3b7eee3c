/**
 * Deploy hook of the crash matrix, under the gate's hook contract: its effect is a row in the production database. Bundled once
 * for each kind; they differ in what a second delivery of the same artifact does.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';

declare const HOOK_KIND: 'idempotent' | 'probing' | 'at-most-once';

const environment = (name: string): string => process.env[name] ?? '';
const say = (line: string): void => {
  process.stdout.write(`${line}\n`);
};

async function main(): Promise<void> {
  // As the deliverer wrote them.
  const egress = JSON.parse(readFileSync(environment('AIRLOCK_EGRESS'), 'utf8')) as {
    db: { host: string; database: string };
  };
  const given = JSON.parse(readFileSync(Number(environment('AIRLOCK_CREDENTIAL_FD')), 'utf8')) as {
    db?: { username: string; password: string };
  };
  const names = Object.keys(given).sort().join();
  if (names !== { idempotent: 'db', probing: '', 'at-most-once': 'spare,token' }[HOOK_KIND]) {
    throw new Error(`the descriptor has ${names}`);
  }
  const client = new Client({
    ...egress.db,
    user: given.db?.username ?? 'hook',
    ...(given.db && { password: given.db.password }),
  });
  await client.connect();
  const what = [environment('AIRLOCK_TARGET'), environment('AIRLOCK_ARTIFACT_SHA256')];
  const whose = [environment('AIRLOCK_PROMOTION_DIGEST'), environment('AIRLOCK_DELIVERY')];
  const insert =
    'insert into public.effect (target, artifact, promotion_digest, delivery) values ($1, $2, $3, $4)';
  if (environment('AIRLOCK_STAGE') === 'probe') {
    const { rowCount } = await client.query(
      'select from public.effect where target = $1 and promotion_digest = $2',
      [what[0], whose[0]],
    );
    await client.end();
    leave({ state: rowCount === 0 ? 'not-done' : 'done' });
    return;
  }
  if (HOOK_KIND === 'at-most-once') {
    // The deliverer dies when it sees the first line: here after the effect, in the others before it.
    await client.query(insert, [...what, ...whose]);
    say('done');
    await sleep(300);
  } else {
    say('begins');
    await sleep(300);
    if (HOOK_KIND === 'idempotent') {
      await client.query('begin');
      await client.query('delete from public.effect where target = $1 and artifact = $2', what);
      await client.query(insert, [...what, ...whose]);
      await client.query('commit');
    } else {
      const { rowCount } = await client.query(
        'select from public.effect where target = $1 and artifact = $2',
        what,
      );
      if (rowCount === 0) await client.query(insert, [...what, ...whose]);
    }
  }
  await client.end();
  leave({});
}

function leave(result: Record<string, string>): void {
  writeFileSync(join(environment('AIRLOCK_OUT'), 'result.json'), JSON.stringify(result));
}

main().catch((error: unknown) => {
  say(error instanceof Error ? error.message : 'failed');
  process.exitCode = 1;
});
