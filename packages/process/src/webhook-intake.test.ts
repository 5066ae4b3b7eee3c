import assert from 'node:assert/strict';
import { createServer, request as httpRequest, type ClientRequest } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import { createWebhookIntake, maxWebhookBytes } from './webhook-intake.ts';

const mebibyte = 1024 * 1024;
const intake = createWebhookIntake({
  hookAt: () => Promise.resolve({ provider: 'github', repository: null, secret: 'x'.repeat(16) }),
  take: () => Promise.resolve({ status: 202, code: 'taken', detail: '' }),
  onRefused: () => undefined,
  sourceOf: () => '192.0.2.1',
  clock: () => new Date(),
});
let begun = 0;
const server = createServer((request, response) => {
  begun += 1;
  intake.handle(request, response).catch(() => response.destroy());
});

before(() => new Promise<void>((done) => server.listen(0, '127.0.0.1', done)));
after(() => {
  server.closeAllConnections();
  server.close();
});

/** A request without a length, whose body comes when the test sends it; 0 stands for a connection that was cut. */
function begin(): { sending: ClientRequest; status: Promise<number> } {
  // What listens on a TCP port has an address with a port.
  const { port } = server.address() as AddressInfo;
  const path = '/hooks/git/github';
  const sending = httpRequest({ host: '127.0.0.1', port, path, method: 'POST', agent: false });
  const status = new Promise<number>((resolve) => {
    sending.once('response', (answer) => {
      answer.resume();
      resolve(answer.statusCode ?? 0);
    });
    sending.once('error', () => {
      resolve(0);
    });
  });
  sending.on('error', () => undefined);
  sending.flushHeaders();
  return { sending, status };
}

test('of bodies that all began while there was room, no more are taken in than the bound allows', async () => {
  const all = Array.from({ length: 24 }, begin);
  while (begun < all.length) await new Promise((resolve) => setTimeout(resolve, 5));
  const written = all.map(({ sending, status }) =>
    Promise.race([
      status,
      new Promise((resolve) => sending.write(Buffer.alloc(4 * mebibyte), resolve)),
    ]),
  );
  await Promise.all(written);
  for (const { sending } of all) sending.end();
  const statuses = await Promise.all(all.map(({ status }) => status));
  const taken = statuses.filter((status) => status === 202).length;
  assert.ok(taken <= 17, `${taken} bodies of 4 MiB were held at once`);
  assert.ok(
    statuses.every((status) => [0, 202, 503].includes(status)),
    statuses.join(),
  );
  // What was refused counts no more.
  const later = begin();
  later.sending.end('{}');
  assert.equal(await later.status, 202);
});

test('a body without a length that grows too large is not taken', async () => {
  const { sending, status } = begin();
  sending.end(Buffer.alloc(maxWebhookBytes + 1));
  assert.ok([0, 413].includes(await status));
});
