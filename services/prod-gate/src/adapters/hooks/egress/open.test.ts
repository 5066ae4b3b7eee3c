/** Sockets that only relay, and what holds for every egress. */
import type { Egress } from '@airlock/common/policy/target-egress';
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test, type TestContext } from 'node:test';
import { describeEgress, openEgress, type OpenEgress } from './open.ts';
import { quoted } from './refusals.ts';

const directory = mkdtempSync(join(tmpdir(), 'airlock-egress-'));

after(() => {
  rmSync(directory, { recursive: true, force: true });
});

test('bytes pass both ways, and what one side has ended the other can still answer', async (t) => {
  const port = await served(t, (socket) => {
    const chunks: Buffer[] = [];
    socket.on('data', (chunk: Buffer) => chunks.push(chunk));
    socket.on('end', () => socket.end(`${Buffer.concat(chunks).length} bytes`));
  });
  const { path } = await open(t, { port });
  assert.equal(await exchange(path('web1.sock'), 'x'.repeat(3_000_000)), '3000000 bytes');
});

test('a place that cannot be reached ends the connection, and is said in the log', async (t) => {
  const { path, lines } = await open(t, { port: 1 });
  assert.equal(await exchange(path('web1.sock'), 'hello'), '');
  assert.match(lines.join(), /^egress web1: 127\.0\.0\.1:1: .*ECONNREFUSED/);
});

test('after twenty of them, refusals are counted and said once', async (t) => {
  const { path, lines, egress } = await open(t, { port: 1 });
  for (let attempt = 0; attempt < 25; attempt += 1) await exchange(path('web1.sock'), 'hello');
  assert.equal(lines.length, 20);
  await egress.close();
  assert.deepEqual(lines.slice(20), ['egress: 5 more of these are not listed']);
});

test('when the hook has ended, both ends of every connection are cut', async (t) => {
  const sockets: Socket[] = [];
  const port = await served(t, (socket) => sockets.push(socket));
  const { path, egress } = await open(t, { port });
  const inside = connect(path('web1.sock'));
  inside.write('hello');
  while (sockets.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  const ended = Promise.all(
    [inside, ...sockets].map((socket) => {
      socket.on('error', () => {});
      return new Promise((resolve) => {
        for (const event of ['end', 'close']) socket.resume().once(event, resolve);
      });
    }),
  );
  await egress.close();
  await ended;
  for (const socket of [inside, ...sockets]) socket.destroy();
  await assert.rejects(exchange(path('web1.sock'), 'hello'), { code: /ECONNREFUSED|ENOENT/ });
});

test('every user of the sandbox may connect, and the directory holds the sockets alone', async (t) => {
  const { path } = await open(t, { port: 1 });
  assert.equal(statSync(path('web1.sock')).mode & 0o666, 0o666);
  assert.equal(statSync(path('')).mode & 0o777, 0o755);
  assert.deepEqual(readdirSync(path('')), ['web1.sock']);
});

test('a directory that exists already is refused: nothing of an earlier delivery is used', async () => {
  const taken = join(directory, 'taken');
  mkdirSync(taken);
  await assert.rejects(
    openEgress({
      ...{ directory: taken, egresses: [], credentials: [], say: () => {}, mask: (text) => text },
    }),
    { code: 'hook-egress' },
  );
});

test('the hook is told where each socket is, and whether the gate logs in there', () => {
  const egresses: Egress[] = [
    { as: 'db', kind: 'postgres', host: '127.0.0.1', port: 1, name: 'shop', credential: 'login' },
    { as: 'other', kind: 'postgres', host: '127.0.0.1', port: 1, name: 'stock' },
    { as: 'web1', kind: 'tcp', host: 'web1.example', port: 22 },
  ];
  assert.deepEqual(JSON.parse(describeEgress(egresses, '/egress')), {
    db: { kind: 'postgres', host: '/egress/db', database: 'shop', authenticated: true },
    other: { kind: 'postgres', host: '/egress/other', database: 'stock', authenticated: false },
    web1: { kind: 'tcp', socket: '/egress/web1.sock' },
  });
});

test("a hook's text is quoted in the log, without control characters, and cut", () => {
  assert.equal(quoted('/a\n\u001b[31m\u202eü'), '"/a\\n\\u001b[31m\\u202e\\u00fc"');
  assert.equal(quoted('x'.repeat(500)).length, 203);
});

async function served(t: TestContext, serve: (socket: Socket) => void): Promise<number> {
  const server = createServer({ allowHalfOpen: true }, serve).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  t.after(() => server.close());
  const address = server.address();
  assert.ok(typeof address === 'object' && address !== null);
  return address.port;
}

let opened = 0;

async function open(
  t: TestContext,
  { port }: { port: number },
): Promise<{ path: (name: string) => string; lines: string[]; egress: OpenEgress }> {
  opened += 1;
  const place = join(directory, String(opened));
  const lines: string[] = [];
  const egress = await openEgress({
    ...{ directory: place, credentials: [], mask: (text) => text },
    egresses: [{ as: 'web1', kind: 'tcp', host: '127.0.0.1', port }],
    say: (line) => lines.push(line),
  });
  t.after(() => egress.close());
  return { path: (name) => join(place, name), lines, egress };
}

/** Says `text` and its end; gives all that came back. */
function exchange(path: string, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let answer = '';
    const socket = connect({ path, allowHalfOpen: true }, () => socket.end(text));
    socket.on('data', (chunk) => (answer += chunk.toString()));
    socket.once('error', (error: NodeJS.ErrnoException) => {
      // Cut while it was still speaking.
      if (error.code === 'EPIPE' || error.code === 'ECONNRESET') resolve(answer);
      else reject(error);
    });
    socket.once('close', () => {
      resolve(answer);
    });
  });
}
