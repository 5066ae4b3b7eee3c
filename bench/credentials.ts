/**
 * What a delivery's credential costs beside its hook, on the real parts: our own time around Vault (everything but Vault's and
 * Postgres's answers), and how long after the hook's end its credential is proven gone. On the stand-in, and on a real server
 * where there is one; with an empty past and with ten thousand sessions behind it.
 */
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { ClientRequest, IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { readHookDirectory } from '@airlock/process/hook-directory';
import { realVault } from '@airlock/testkit/vault-server';
import { startVaultDouble } from '@airlock/vault-double/server';
import pg from 'pg';
import {
  createDeliveryRig,
  deliver,
  type DeliveryRig,
} from '../services/prod-gate/src/testing/delivery-rig.ts';
import { interleave, median, p95, type Figure } from './harness.ts';

/** A target each: both are set up at one Vault. */
const targets = { fresh: 'bench-fresh', old: 'bench-old' };
const pastSessions = 10_000;
const rounds = 20;

type Span = { readonly from: number; to: number };
type Sample = { readonly ownMs: number; readonly cleanMs: number; readonly vaultMs: number };

/** Times during which somebody else's answer is awaited. */
function watchAnswers(vaultAddress: string) {
  const answers: Span[] = [];
  const vault: Span[] = [];
  const open = new Map<ClientRequest, Span>();
  const onStart = (message: unknown): void => {
    // As Node documents the channel.
    const { request } = message as { request: ClientRequest };
    const isVault =
      `${request.protocol}//${request.getHeader('host')?.toString() ?? ''}` === vaultAddress;
    if (!isVault) return;
    const span = { from: performance.now(), to: Infinity };
    open.set(request, span);
    answers.push(span);
    vault.push(span);
  };
  const onFinish = (message: unknown): void => {
    const { request, response } = message as { request: ClientRequest; response: IncomingMessage };
    const span = open.get(request);
    if (span === undefined) return;
    // The headers are there; the answer is when its body is.
    span.to = performance.now();
    response.once('end', () => {
      span.to = performance.now();
    });
  };
  subscribe('http.client.request.start', onStart);
  subscribe('http.client.response.finish', onFinish);
  // Called with its own `this` below; one of many overloads, of which only what it returns matters.
  const query: unknown = Reflect.get(pg.Client.prototype, 'query');
  if (typeof query !== 'function') throw new TypeError('pg has no query to time');
  const timed = function (this: pg.Client, ...given: unknown[]): unknown {
    const span: Span = { from: performance.now(), to: Infinity };
    answers.push(span);
    const end = (): void => {
      span.to = Math.min(span.to, performance.now());
    };
    const last = given.at(-1);
    if (typeof last === 'function') {
      given[given.length - 1] = (...answered: unknown[]): void => {
        end();
        Reflect.apply(last, null, answered);
      };
    }
    const result: unknown = Reflect.apply(query, this, given);
    if (result instanceof Promise) result.then(end, end);
    return result;
  };
  Reflect.set(pg.Client.prototype, 'query', timed);
  return {
    /** Counts the whole of `work` as somebody else's answer. */
    async awaiting<T>(work: () => Promise<T>): Promise<T> {
      const span: Span = { from: performance.now(), to: Infinity };
      answers.push(span);
      return work().finally(() => {
        span.to = performance.now();
      });
    },
    /** Milliseconds of a window in which no answer was awaited. */
    own: ({ from, to }: Span): number => to - from - covered(answers, { from, to }),
    vault: (window: Span): number => covered(vault, window),
    forget() {
      answers.length = 0;
      vault.length = 0;
    },
    stop() {
      unsubscribe('http.client.request.start', onStart);
      unsubscribe('http.client.response.finish', onFinish);
      Reflect.set(pg.Client.prototype, 'query', query);
    },
  };
}

function covered(spans: readonly Span[], window: Span): number {
  let sum = 0;
  let reached = window.from;
  for (const { from, to } of spans.toSorted((one, other) => one.from - other.from)) {
    const [begin, end] = [Math.max(from, reached), Math.min(to, window.to)];
    if (end <= begin) continue;
    sum += end - begin;
    reached = end;
  }
  return sum;
}

/** One delivery; the ledger's own work and the watchdog's idle looks are kept out of the windows. */
async function sampleOf(
  rig: DeliveryRig,
  target: string,
  answers: ReturnType<typeof watchAnswers>,
): Promise<Sample> {
  const { run, start } = rig.deliverer();
  const started = await start(await rig.admit(target));
  const at = { ready: 0, hook: 0, hookEnd: 0, clean: 0 };
  rig.runs.reaper = false;
  const outcome = await deliver(
    {
      ...run,
      vault: {
        ...run.vault,
        ready(options) {
          rig.runs.ledger = false;
          answers.forget();
          at.ready = performance.now();
          return run.vault.ready(options);
        },
      },
      // The target's Postgres refuses the login; it is asked over a socket of our own.
      tryLogin: (place, login) => answers.awaiting(() => run.tryLogin(place, login)),
      hooks: {
        ...run.hooks,
        async prepare(request) {
          const hook = await run.hooks.prepare(request);
          return {
            ...hook,
            async run(asked) {
              at.hook = performance.now();
              const end = await hook.run(asked);
              at.hookEnd = performance.now();
              rig.runs.reaper = true;
              return end;
            },
          };
        },
      },
      failpoint: (name) => {
        if (name === 'session-clean') at.clean = performance.now();
      },
    },
    started,
  );
  rig.runs.ledger = true;
  if (outcome?.state !== 'succeeded' || at.clean === 0) {
    throw new Error(
      `the delivery ended ${outcome?.state ?? 'elsewhere'}: ${outcome?.reason ?? ''}`,
    );
  }
  const [before, after] = [
    { from: at.ready, to: at.hook },
    { from: at.hookEnd, to: at.clean },
  ];
  return {
    ownMs: answers.own(before) + answers.own(after),
    cleanMs: at.clean - at.hookEnd,
    vaultMs: answers.vault(before) + answers.vault(after),
  };
}

async function givePast(rig: DeliveryRig): Promise<void> {
  const admin = await rig.admin.connect();
  // Sessions without their deliveries, which nothing here looks at.
  await admin.query('set session_replication_role = replica');
  await admin.query(
    `insert into vault_session (id, delivery_id, target, fence, state, jwt_mount, jwt_expires_at, deadline, accessor, created_at, revoked_at)
     select 'vse_past' || n, 'dlv_past' || n, $1, 1, 'CLEAN', 'jwt', at, at, 'a' || n, at, at
     from (select n, now() - interval '2 days' - n * interval '1 minute' as at from generate_series(1, $2::int) n) past`,
    [targets.old, pastSessions],
  );
  await admin.query(
    `insert into vault_credential (session_id, name, place, kind, path, ending, lease_id, holder, issued_at, dies_at, gone_at)
     select id, 'db', 0, 'database', 'database/creds/past', 'revocable', id, id, created_at, created_at, created_at
     from vault_session where id like 'vse_past%'`,
  );
  await admin.query(
    `insert into minted_login (session_id, delivery_id, minted_at, expires_at)
     select id, delivery_id, created_at, created_at from vault_session where id like 'vse_past%'`,
  );
  await admin.query('vacuum analyze vault_session, vault_credential, minted_login');
  admin.release(true);
}

async function createRig(
  vault: { address: string; rootToken: string },
  target: string,
): Promise<DeliveryRig> {
  return await createDeliveryRig({
    ...{ targets: [target], vault, staleSeconds: 60 },
    async installHooks(directory) {
      const build = join(import.meta.dirname, '../deploy/hooks/build.ts');
      await promisify(execFile)(process.execPath, [build, 'load-release', directory]);
      const { digest } = await readHookDirectory(join(directory, 'load-release'));
      return () => `load-release@sha256:${digest}`;
    },
  });
}

type Server = {
  name: string;
  start(): Promise<{ address: string; rootToken: string; stop(): Promise<void> }>;
};

function servers(): Server[] {
  const double: Server = {
    name: 'double',
    async start() {
      const rootToken = randomBytes(12).toString('hex');
      const { address, stop } = await startVaultDouble({ host: '127.0.0.1', port: 0, rootToken });
      return { address, rootToken, stop };
    },
  };
  const real = realVault();
  return real === null ? [double] : [double, { ...real, name: 'real server' }];
}

export async function* bench(): AsyncIterable<Figure> {
  for (const server of servers()) {
    const vault = await server.start();
    const [fresh, old] = [
      await createRig(vault, targets.fresh),
      await createRig(vault, targets.old),
    ];
    const answers = watchAnswers(vault.address);
    try {
      await givePast(old);
      const samples: Record<'fresh' | 'old', Sample[]> = { fresh: [], old: [] };
      await interleave(rounds, {
        async fresh() {
          const sample = await sampleOf(fresh, targets.fresh, answers);
          samples.fresh.push(sample);
          return sample.ownMs;
        },
        async old() {
          const sample = await sampleOf(old, targets.old, answers);
          samples.old.push(sample);
          return sample.ownMs;
        },
      });
      // The first of each is the round that is thrown away.
      const of = (age: 'fresh' | 'old', what: keyof Sample): number[] =>
        samples[age].slice(1).map((sample) => sample[what]);
      const own = median(of('fresh', 'ownMs'));
      const clean = median(of('fresh', 'cleanMs'));
      const { name } = server;
      yield {
        name: `${name}: own time around Vault, a delivery (p50)`,
        ...{ value: own, unit: 'ms', limit: 15, ratio: own / 15 },
      };
      yield {
        name: `${name}: Vault's own answers beside it (p50)`,
        ...{ value: median(of('fresh', 'vaultMs')), unit: 'ms' },
      };
      yield {
        name: `${name}: hook's end to credential proven gone (p50)`,
        ...{ value: clean, unit: 'ms', limit: 200, ratio: clean / 200 },
      };
      yield {
        name: `${name}: the same, p95 of ${rounds}`,
        ...{ value: p95(of('fresh', 'cleanMs')), unit: 'ms', limit: 200 },
      };
      for (const [what, base] of [
        ['ownMs', own],
        ['cleanMs', clean],
      ] as const) {
        const value = median(of('old', what));
        yield {
          name: `${name}: ${what === 'ownMs' ? 'own time' : 'proven gone'} with ${pastSessions} past sessions; peer: with none`,
          ...{ value, unit: 'ms', peer: base, ratio: value / base },
        };
      }
    } finally {
      answers.stop();
      await fresh.close();
      await old.close();
      await vault.stop();
    }
  }
}
