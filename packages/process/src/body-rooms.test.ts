import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, request, type IncomingMessage } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { test, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { createBodyRooms } from './body-rooms.ts';

const maxBytes = 300_000;

/** A server that answers what `use` makes of each body, 400 for what it throws. */
async function serving(
  t: TestContext,
  use: (body: Buffer) => Promise<string>,
): Promise<{
  port: number;
  post: (parts: readonly Buffer[], declared?: number) => Promise<[number, string]>;
  failures: unknown[];
}> {
  const rooms = createBodyRooms(maxBytes);
  const failures: unknown[] = [];
  const server = createServer((incoming, answer) => {
    rooms.read(incoming, use).then(
      (text) => answer.end(text),
      (error: unknown) => {
        failures.push(error);
        answer.writeHead(400, { connection: 'close' }).end(String(error));
      },
    );
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  // A TCP server's address is an object; the string form is for pipes.
  const { port } = server.address() as AddressInfo;
  const post = async (parts: readonly Buffer[], declared?: number): Promise<[number, string]> => {
    const headers = declared === undefined ? {} : { 'content-length': declared };
    const outgoing = request({ host: '127.0.0.1', port, method: 'POST', headers });
    // It may be refused while it is sent.
    outgoing.on('error', () => {});
    for (const part of parts) outgoing.write(part);
    outgoing.end();
    const [answer] = (await once(outgoing, 'response')) as [IncomingMessage];
    return [answer.statusCode ?? 0, (await answer.toArray()).map(String).join('')];
  };
  return { port, post, failures };
}

const numbered = (length: number, from: number): Buffer =>
  Buffer.from(Array.from({ length }, (_, at) => (at + from) % 251));

test('each body is whole for as long as it is used, however many are used at once', async (t) => {
  const { post } = await serving(t, async (body) => {
    const before = Buffer.from(body);
    await sleep(20);
    assert.ok(before.equals(body));
    return body.toString('hex');
  });
  const bodies = [0, 1, 65_536, 65_537, 200_000, maxBytes, 70_000].map(numbered);
  for (let round = 0; round < 2; round += 1) {
    const answers = await Promise.all(
      bodies.map((body, at) =>
        // Every other without saying how long it is.
        post([body.subarray(0, 50), body.subarray(50)], at % 2 === 0 ? body.length : undefined),
      ),
    );
    assert.deepEqual(
      answers,
      bodies.map((body) => [200, body.toString('hex')]),
    );
  }
});

test('a body above the limit is refused by name, and the next is taken', async (t) => {
  const { post } = await serving(t, (body) => Promise.resolve(String(body.length)));
  for (const declared of [maxBytes + 1, undefined]) {
    const [status, text] = await post([Buffer.alloc(maxBytes + 1)], declared);
    assert.equal(status, 400);
    assert.match(text, /more than 300000 bytes/);
    assert.deepEqual(await post([Buffer.alloc(100_000)]), [200, '100000']);
  }
});

test('a body that is cut off is used by nobody, and the next is taken', async (t) => {
  const used: number[] = [];
  const { port, post, failures } = await serving(t, ({ length }) => {
    used.push(length);
    return Promise.resolve('');
  });
  for (const declared of [10_000, 100_000]) {
    const socket = connect(port, '127.0.0.1');
    socket.write(`POST / HTTP/1.1\r\nhost: x\r\ncontent-length: ${declared}\r\n\r\nbegins`);
    await sleep(20);
    socket.destroy();
  }
  while (failures.length < 2) await sleep(5);
  await post([Buffer.alloc(100_000)]);
  assert.deepEqual(used, [100_000]);
});

test('what sockets handed over does not pile up while bodies keep coming', async (t) => {
  let most = 0;
  const { post } = await serving(t, () => {
    most = Math.max(most, process.memoryUsage().arrayBuffers);
    return Promise.resolve('');
  });
  const parts = [numbered(100_000, 0), numbered(100_000, 1), numbered(100_000, 2)];
  await post(parts);
  const before = process.memoryUsage().arrayBuffers;
  most = 0;
  for (let sent = 0; sent < 150; sent += 1) await post(parts);
  assert.ok(most - before < 12e6, `${(most - before) / 1e6} MB of 45 MB were there at once`);
});
