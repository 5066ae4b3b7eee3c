/**
 * P1: signed GitHub pushes of 7.6 KB taken durably, over ten connections that stay open; and a thousand of them at once. Ours
 * is the nonprod web process of a whole pair; the floor is a process of its own on the same Postgres; the peer is Buildbot.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { Agent } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { startPair } from '@airlock/demo/pair';
import { createProgress } from '@airlock/demo/progress';
import { freePort } from '@airlock/testkit/ports';
import { delivery, send, type Target } from './ci/delivery.ts';
import { startFloor } from './floors/child.ts';
import { interleave, median, type Figure } from './harness.ts';
import { startBuildbot } from './peers/buildbot.ts';

const connections = 10;
const seconds = 2;
const rounds = 5;
const burst = 1000;

type Sample = { readonly perSecond: number; readonly p99: number };

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
    const secret = readFileSync(join(pair.layout.keys, 'database/webhook'), 'utf8').trim();
    const origin = new URL(pair.nonprodOrigin);
    const targets: Record<string, Target> = {
      ours: {
        url: new URL(`http://127.0.0.1:${origin.port}/hooks/git/github`),
        host: origin.host,
        secret,
        taken: 202,
      },
    };
    const port = await freePort();
    const { host, port: pgPort, superuser, password } = pair.postgres;
    await pair.postgres.createDatabase('bench');
    const floor = await startFloor('webhook', [
      ...[String(port), secret],
      `postgres://${superuser}:${password}@${host}:${pgPort}/bench`,
    ]);
    closers.push(() => floor.stop());
    const at = new URL(`http://127.0.0.1:${port}/hook`);
    targets['floor'] = { url: at, host: at.host, secret, taken: 202 };
    const buildbot = await startBuildbot({ secret, command: 'true' });
    if (buildbot !== null) {
      closers.push(() => buildbot.stop());
      const hook = new URL('change_hook/github', buildbot.url);
      targets['buildbot'] = { url: hook, host: hook.host, secret, taken: 200 };
    }

    const found: Record<string, Sample[]> = {};
    await interleave(
      rounds,
      Object.fromEntries(
        Object.entries(targets).map(([name, target]) => [
          name,
          async () => {
            const sample = await load(target);
            (found[name] ??= []).push(sample);
            return sample.perSecond;
          },
        ]),
      ),
    );
    const middle = (name: string, of: keyof Sample): number | undefined => {
      const samples = found[name]?.slice(1).map((sample) => sample[of]);
      return samples === undefined ? undefined : median(samples);
    };
    yield figure('webhook: signed pushes taken', 'req/s', (name) => middle(name, 'perSecond'));
    yield figure('webhook: p99 of the answer', 'ms', (name) => middle(name, 'p99'));
    const bursts: Record<string, number> = {};
    for (const [name, target] of Object.entries(targets)) {
      if (name !== 'buildbot') bursts[name] = await fire(target);
    }
    yield figure(`webhook: ${burst} at once, all taken`, 's', (name) => bursts[name]);
  } finally {
    for (let close = closers.pop(); close !== undefined; close = closers.pop()) await close();
    rmSync(directory, { recursive: true, force: true });
  }
}

function figure(name: string, unit: string, of: (name: string) => number | undefined): Figure {
  const [value = Number.NaN, limit = Number.NaN, peer] = [of('ours'), of('floor'), of('buildbot')];
  return {
    name,
    value,
    unit,
    limit,
    ratio: value / limit,
    ...(peer === undefined ? {} : { peer }),
  };
}

async function load(target: Target): Promise<Sample> {
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  const times: number[] = [];
  const until = performance.now() + seconds * 1000;
  await Promise.all(
    Array.from({ length: connections }, async () => {
      while (performance.now() < until) times.push(await send(target, agent, delivery(target)));
    }),
  );
  agent.destroy();
  const p99 = times.toSorted((a, b) => a - b)[Math.floor(times.length * 0.99)] ?? Number.NaN;
  return { perSecond: times.length / seconds, p99 };
}

/** Seconds until the last of a thousand deliveries, each on a connection of its own, was taken. */
async function fire(target: Target): Promise<number> {
  const agent = new Agent({ keepAlive: false, maxSockets: burst });
  const made = Array.from({ length: burst }, () => delivery(target));
  const began = performance.now();
  await Promise.all(made.map((each) => send(target, agent, each)));
  return (performance.now() - began) / 1000;
}
