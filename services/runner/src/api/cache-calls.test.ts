import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import {
  createServer,
  request,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { cacheHeaders } from '@airlock/common/wire/cache';
import { createJobCaches } from '../job-caches.ts';
import { createControlPlane } from './control-plane.ts';

const tar = Buffer.from('bytes of a tar');
const digest = createHash('sha256').update(tar).digest('hex');
const key = 'c'.repeat(64);
const headers = {
  ...{ [cacheHeaders.run]: '12', [cacheHeaders.level]: '3', [cacheHeaders.digest]: digest },
};

let directory: string;
let server: Server;
let answer: (incoming: IncomingMessage, response: ServerResponse) => void;
let caches: ReturnType<typeof createJobCaches>;
const asked: string[] = [];

before(async () => {
  directory = mkdtempSync(join(tmpdir(), 'airlock-cache-calls-'));
  server = createServer((incoming, response) => {
    asked.push(`${incoming.method ?? ''} ${incoming.url ?? ''}`);
    answer(incoming, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  assert.ok(typeof address === 'object' && address !== null);
  caches = createJobCaches({
    controlPlane: createControlPlane({
      ...{ url: `http://127.0.0.1:${address.port}`, request },
      identity: () => ({ runner: 'r1', sign: () => Buffer.from('signed') }),
    }),
    job: { jobId: 'job-1', lease: 7 },
    signal: new AbortController().signal,
  });
});

after(() => {
  server.close();
  server.closeAllConnections();
  rmSync(directory, { recursive: true });
});

test('what is found is written to the file, with whose it is; 204 is none', async () => {
  const to = join(directory, 'found');
  answer = (_, response) => response.writeHead(200, headers).end(tar);
  assert.deepEqual(await caches.fetch(key, to), { run: 12, level: 3, digest });
  assert.deepEqual(readFileSync(to), tar);
  assert.equal(asked.at(-1), `GET /v1/jobs/job-1/cache?lease=7&key=${key}`);
  answer = (_, response) => response.writeHead(204).end();
  assert.equal(await caches.fetch(key, join(directory, 'none')), null);
});

test('other bytes than the digest’s, no headers, an end before the end, and a refusal are told and end nothing', async () => {
  const cases: readonly (readonly [string, RegExp, typeof answer])[] = [
    ['other', /not what was announced/, (_, r) => r.writeHead(200, headers).end('other bytes')],
    ['bare', /not what was announced/, (_, r) => r.writeHead(200).end(tar)],
    [
      'short',
      /./,
      (_, r) => {
        r.writeHead(200, { ...headers, 'content-length': tar.length }).write(tar.subarray(0, 4));
        setImmediate(() => r.destroy());
      },
    ],
    ['refused', /./, (_, r) => r.writeHead(422).end()],
  ];
  for (const [name, why, act] of cases) {
    answer = act;
    const told = await caches.fetch(key, join(directory, name));
    assert.ok(typeof told === 'string', name);
    assert.match(told, why, name);
  }
});

test('a tar is sent whole under its digest, and why it was not kept comes back', async () => {
  const file = join(directory, 'packed');
  writeFileSync(file, tar);
  const bodies: Buffer[] = [];
  answer = (incoming, response) => {
    const parts: Buffer[] = [];
    incoming.on('data', (part: Buffer) => parts.push(part));
    incoming.on('end', () => {
      bodies.push(Buffer.concat(parts));
      response.writeHead(200).end(JSON.stringify({ why: 'this run read a secret' }));
    });
  };
  const kept = await caches.keep({ key, file, digest, size: tar.length });
  assert.deepEqual(kept, { why: 'this run read a secret' });
  assert.deepEqual(bodies, [tar]);
  assert.equal(asked.at(-1), `PUT /v1/jobs/job-1/cache?lease=7&key=${key}&sha256=${digest}`);
  answer = (incoming, response) => {
    incoming.resume().on('end', () => response.writeHead(200).end('{"kept":true}'));
  };
  const malformed = await caches.keep({ key, file, digest, size: tar.length });
  assert.match(malformed.why ?? '', /malformed/);
});

test('a lost lease ends the build, at either call', async () => {
  const file = join(directory, 'lost');
  writeFileSync(file, tar);
  answer = (incoming, response) => {
    incoming.resume().on('end', () => response.writeHead(409).end());
  };
  await assert.rejects(caches.fetch(key, join(directory, 'gone')), { code: 'lease-lost' });
  await assert.rejects(caches.keep({ key, file, digest, size: tar.length }), {
    code: 'lease-lost',
  });
});
