/**
 * Nothing that opens production stands anywhere but in the memory of the process that uses it, while it is used: the tokens,
 * JWTs, passwords and secret ids that pass between the gate and Vault are looked for in every place where something is
 * written down, during a delivery and after it; after it also in the memory of the gate's processes.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { approveAs, until, waitForEnd } from '@airlock/demo/flow';
import { bundleOf, root } from '@airlock/demo/names';
import type { Pair } from '@airlock/demo/pair';
import { startProcess, type RunningProcess } from '@airlock/demo/supervisor';
import pg from 'pg';
import { runningPair } from '../support/pair.ts';
import { connectRedis } from '../support/redis.ts';
import { waitingPromotion } from '../support/promotion.ts';
import {
  type Found,
  type Needles,
  needlesOf,
  sweepDatabases,
  sweepFiles,
  sweepProcesses,
  sweepRedis,
  valuesIn,
} from '../support/sweep.ts';
import { type VaultTap, pointAtVault, tapVault } from '../support/vault-tap.ts';

const examined = ['gate-authority', 'gate-deliverer', 'gate-watchdog'] as const;
type Examined = (typeof examined)[number];

/** A value that a process under examination holds for as long as it lives. */
const heldOnPurpose = `held-${randomBytes(12).toString('hex')}`;

let pair: Pair;
let tap: VaultTap;
let directory: string;
const running = new Map<Examined, RunningProcess>();

const snapshotOf = (name: Examined): string => join(directory, `${name}.heapsnapshot`);

/** The production bundle, which on SIGUSR2 collects its garbage and writes down its heap. Nothing else about it differs. */
async function startExamined(name: Examined): Promise<void> {
  const preload = `
    import { renameSync } from 'node:fs';
    import v8 from 'node:v8';
    // Longer strings are cut, and a secret might stand behind the cut.
    v8.setFlagsFromString('--heap-snapshot-string-limit=10000000');
    globalThis.onPurpose = [${JSON.stringify(heldOnPurpose)}].join();
    process.on('SIGUSR2', async () => {
      for (let pass = 0; pass < 5; pass += 1) {
        globalThis.gc();
        await new Promise(setImmediate);
      }
      const file = ${JSON.stringify(snapshotOf(name))};
      v8.writeHeapSnapshot(file + '.part');
      renameSync(file + '.part', file);
    });`;
  running.set(
    name,
    await startProcess({
      name,
      command: [
        process.execPath,
        '--expose-gc',
        '--import',
        `data:text/javascript,${encodeURIComponent(preload)}`,
        join(root, 'dist', bundleOf[name]),
        '--config',
        join(pair.layout.config, `${name}.yaml`),
      ],
      logFile: join(pair.layout.logs, `${name}.log`),
      env: { PATH: process.env['PATH'] ?? '', AIRLOCK_DEMO: '1' },
    }),
  );
}

async function heapOf(name: Examined): Promise<string> {
  const file = snapshotOf(name);
  rmSync(file, { force: true });
  running.get(name)?.kill('SIGUSR2');
  await until(`the heap of ${name}`, 60, () => Promise.resolve(existsSync(file) ? true : null));
  return readFileSync(file, 'latin1');
}

/** Everything that is written down. The secret id's own file is where the watchdog has it from. */
async function sweep(needles: Needles): Promise<Found[]> {
  const databases = await sweepDatabases(pair, needles);
  const redis = await sweepRedis(pair, needles);
  const files = sweepFiles(pair, needles);
  const processes = sweepProcesses(needles);
  assert.ok(databases.rows > 0 && redis.keys > 0 && files.files > 100);
  for (const { pid } of running.values()) assert.ok(processes.pids.has(pid));
  return [...databases.found, ...redis.found, ...files.found, ...processes.found].filter(
    ({ place }) => place !== 'file keys/reaper/secret-id',
  );
}

/** By kind: the values themselves are never printed. */
const told = (found: readonly Found[]): string[] =>
  found.map(({ place, value }) => `${tap.secrets.get(value) ?? 'planted'} in ${place}`);

const kinds = (): string[] => [...new Set(tap.secrets.values())].sort();

describe('what opens production', () => {
  before(async () => {
    pair = await runningPair();
    directory = join(
      pair.layout.directory,
      '..',
      `airlock-heaps-${randomBytes(4).toString('hex')}`,
    );
    mkdirSync(directory);
    tap = await tapVault(pair.vault.address);
    for (const name of ['gate-deliverer', 'gate-watchdog'] as const) {
      pointAtVault(pair, name, { address: tap.address, staleSeconds: 60 });
    }
    for (const name of examined) {
      await pair.process(name).stop();
      await startExamined(name);
    }
  });

  after(async () => {
    for (const name of ['gate-deliverer', 'gate-watchdog'] as const) {
      pointAtVault(pair, name, { address: pair.vault.address, staleSeconds: 5 });
    }
    for (const name of examined) {
      await running.get(name)?.stop();
      await pair.start(name);
    }
    await tap.close();
    rmSync(directory, { recursive: true, force: true });
  });

  test('is written down nowhere while a hook runs with it', async () => {
    // There is a table then, and a session of which the watchdog sees for itself that it is over.
    await deliver();
    await until('the watchdog to log in', 30, () =>
      Promise.resolve(kinds().includes('secret id') ? true : null),
    );
    // The hook records its release in this table, and waits.
    const { host, port, superuser: user, password } = pair.postgres;
    const holder = new pg.Client({ host, port, user, password, database: 'shop' });
    await holder.connect();
    let promotion: string;
    try {
      await holder.query('begin');
      await holder.query('lock table release_history in access exclusive mode');
      promotion = await approved();
      await until('a hook that waits for the table', 60, async () => {
        // Only logins out of Vault are looked at: the hook that looks at what runs waits for the table, too.
        const [row] = await pair.query<{ waiting: string }>(
          'gate',
          `select count(*)::text as waiting from pg_locks join pg_stat_activity using (pid)
           where not granted and relation is not null and usename like 'v-%'`,
        );
        return row?.waiting === '0' ? null : true;
      });
      assert.deepEqual(kinds(), ['jwt', 'password', 'secret id', 'token']);
      assert.deepEqual(told(await sweep(needlesOf(tap.secrets.keys()))), []);
      const held = valuesIn(await heapOf('gate-deliverer'), needlesOf(tap.secrets.keys()));
      assert.ok(
        held.some((value) => tap.secrets.get(value) === 'token'),
        'the deliverer holds its token while the hook runs, and its heap shows it',
      );
    } finally {
      await holder.query('rollback');
      await holder.end();
    }
    assert.equal((await waitForEnd(pair, promotion)).state, 'live');
  });

  test('is written down nowhere after the delivery', async () => {
    await deliver();
    assert.deepEqual(told(await sweep(needlesOf(tap.secrets.keys()))), []);
  });

  for (const name of examined) {
    test(`is not in the heap of ${name} after the delivery`, async () => {
      // The connection to Vault that waited for more has ended by then, and the watchdog's pass is over.
      await delay(2_500);
      const needles = needlesOf([...tap.secrets.keys(), heldOnPurpose]);
      const inHeap = valuesIn(await heapOf(name), needles);
      assert.ok(inHeap.includes(heldOnPurpose), 'the sweep finds what is held');
      assert.deepEqual(
        told(
          inHeap
            .filter((value) => value !== heldOnPurpose)
            .map((value) => ({ place: name, value })),
        ),
        [],
      );
    });
  }

  test('would be found in each of these places, in each form', async () => {
    const value = `s.${randomBytes(12).toString('base64')}+/=`;
    const planted = [
      value,
      Buffer.from(`{"token":"${value}"}`).toString('base64'),
      Buffer.from(value).toString('base64url'),
      Buffer.from(value).toString('hex'),
      encodeURIComponent(value),
    ];
    for (const form of planted) {
      const undo = await plant(form);
      try {
        const found = await sweep(needlesOf([value]));
        assert.deepEqual([...new Set(found.map(({ place }) => place))].sort(), [
          'cmdline of a process',
          'environ of a process',
          'file logs/planted.log',
          'gate.planted',
          'nonprod.planted',
          'redis planted',
        ]);
      } finally {
        await undo();
      }
    }
  });
});

async function plant(text: string): Promise<() => Promise<void>> {
  const file = join(pair.layout.logs, 'planted.log');
  writeFileSync(file, `{"message":"${text}"}\n`);
  for (const database of ['gate', 'nonprod'] as const) {
    await pair.query(database, 'create table planted (line text)');
    await pair.query(database, 'insert into planted values ($1)', [text]);
  }
  const redis = await connectRedis(pair.redis.gate.url);
  await redis.ask('SET', 'planted', text);
  const holder = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)', text], {
    env: { PLANTED: text },
  });
  return async () => {
    holder.kill('SIGKILL');
    rmSync(file);
    await redis.ask('DEL', 'planted');
    redis.end();
    for (const database of ['gate', 'nonprod'] as const) {
      await pair.query(database, 'drop table planted');
    }
  };
}

async function approved(): Promise<string> {
  const promotion = await waitingPromotion(pair);
  await approveAs(pair, 'leo', promotion);
  await approveAs(pair, 'mira', promotion);
  return promotion;
}

async function deliver(): Promise<void> {
  assert.equal((await waitForEnd(pair, await approved())).state, 'live');
}
