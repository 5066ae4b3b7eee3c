import assert from 'node:assert/strict';
import { request } from 'node:http';
import { text } from 'node:stream/consumers';
import { after, before, beforeEach, test } from 'node:test';
import { createLog } from '@airlock/process/log';
import { freePort } from '@airlock/testkit/ports';
import { readAgainMs, startFigures, type AnyFigure } from './figures.ts';
import { histogramRows } from './histogram.ts';
import { FiguresListen } from './listen-settings.ts';

let port: number;
let served: Awaited<ReturnType<typeof startFigures>>;
let now = 0;
let reads = 0;
let answer: () => Promise<readonly AnyFigure[]>;

before(async () => {
  port = await freePort();
  served = await startFigures({
    listen: { host: '127.0.0.1', port },
    build: { version: '1.2.3', commit: null, digest: 'sha256:00' },
    read() {
      reads += 1;
      return answer();
    },
    log: createLog('figures-test'),
    now: () => now,
  });
});
after(() => served.close());
beforeEach(() => {
  now += readAgainMs;
  reads = 0;
  answer = () => Promise.resolve([]);
});

async function ask(
  path: string,
  options: { readonly method?: string; readonly host?: string } = {},
): Promise<{ readonly status: number | undefined; readonly body: string }> {
  const { method = 'GET', host = `127.0.0.1:${port}` } = options;
  return new Promise((resolve, reject) => {
    request({ host: '127.0.0.1', port, path, method, headers: { host } }, (response) => {
      text(response).then((body) => {
        resolve({ status: response.statusCode, body });
      }, reject);
    })
      .on('error', reject)
      .end();
  });
}

test('rows are written as Prometheus reads them, and what is not known is left out and not 0', async () => {
  answer = () =>
    Promise.resolve([
      {
        ...{ name: 'airlock_runs_total', help: 'Runs.', type: 'counter' },
        rows: [
          { labels: { repo: 'shop/"a"', result: 'passed' }, value: 3 },
          { labels: { repo: 'shop/b', result: 'failed' }, value: 1 },
        ],
      },
      { name: 'airlock_outbox_poll_age_seconds', help: 'Age.', type: 'gauge', rows: [] },
      {
        ...{ name: 'airlock_ledger_entries', help: 'Entries.', type: 'gauge' },
        rows: [{ labels: {}, value: 7 }],
      },
    ]);
  const { status, body } = await ask('/metrics');
  assert.equal(status, 200);
  const lines = body.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  assert.deepEqual(lines, [
    String.raw`airlock_runs_total{repo="shop/\"a\"",result="passed"} 3`,
    'airlock_runs_total{repo="shop/b",result="failed"} 1',
    'airlock_ledger_entries 7',
    'airlock_build_info{version="1.2.3",commit="",digest="sha256:00"} 1',
  ]);
  assert.ok(body.includes('# TYPE airlock_runs_total counter\n'));
});

test('a histogram has a line for each bound, one without, the sum and the number', async () => {
  const counted = [
    { labels: { target: 'a"b' }, bucket: 0, number: 1, seconds: 0.5 },
    { labels: { target: 'a"b' }, bucket: 2, number: 2, seconds: 20 },
    { labels: { target: 'a"b' }, bucket: 10, number: 1, seconds: 700_000 },
  ];
  const figure = { name: 'airlock_delivery_seconds', help: 'Took.', type: 'histogram' } as const;
  answer = () => Promise.resolve([{ ...figure, rows: histogramRows(counted) }]);
  const { body } = await ask('/metrics');
  const lines = body.split('\n').filter((line) => line.startsWith('airlock_delivery'));
  const bucket = (le: string, value: number): string =>
    String.raw`airlock_delivery_seconds_bucket{target="a\"b",le="${le}"} ${value}`;
  assert.deepEqual(lines, [
    ...[bucket('1', 1), bucket('5', 1), bucket('15', 3), bucket('60', 3), bucket('300', 3)],
    ...[bucket('900', 3), bucket('3600', 3), bucket('14400', 3), bucket('86400', 3)],
    ...[bucket('604800', 3), bucket('+Inf', 4)],
    String.raw`airlock_delivery_seconds_sum{target="a\"b"} 700020.5`,
    String.raw`airlock_delivery_seconds_count{target="a\"b"} 4`,
  ]);
  assert.ok(body.includes('# TYPE airlock_delivery_seconds histogram\n'));
});

test('however often it is asked, the database is asked once in five seconds', async () => {
  await Promise.all([ask('/metrics'), ask('/metrics'), ask('/readyz')]);
  now += readAgainMs - 1;
  await ask('/metrics');
  assert.equal(reads, 1);
  now += 1;
  await ask('/metrics');
  assert.equal(reads, 2);
});

test('figures that cannot be read are a 503 and no old numbers, and the process is alive all the same', async () => {
  answer = () => Promise.reject(new Error('no such host'));
  const metrics = await ask('/metrics');
  assert.deepEqual([metrics.status, metrics.body.includes('no such host')], [503, false]);
  assert.equal((await ask('/readyz')).status, 503);
  assert.equal((await ask('/livez')).status, 200);
});

test('another host, method or path is given no figures', async () => {
  assert.equal((await ask('/metrics', { host: 'rebound.example:80' })).status, 421);
  assert.equal((await ask('/metrics', { method: 'POST' })).status, 405);
  assert.equal((await ask('/')).status, 404);
  assert.equal(reads, 0);
});

test('no configuration opens figures to another machine', () => {
  assert.equal(FiguresListen.safeParse({ host: '0.0.0.0', port: 9 }).success, false);
  assert.deepEqual(FiguresListen.parse({ port: 9 }), { host: '127.0.0.1', port: 9 });
});
