import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, request, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import type { Request, Response } from 'express';
import { openEventStream, setStreamReader } from './sse.ts';

test('a reader who left before the stream was open is counted out, and the stream is at its end', async () => {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const asking = request({ port, host: '127.0.0.1' });
  asking.on('error', () => {});
  asking.end();
  const [asked, answer] = (await once(server, 'request')) as [IncomingMessage, ServerResponse];
  const left = once(answer, 'close');
  asking.destroy();
  await left;

  const open = new Map<string, number>();
  // Of Express's own members none is used here but `get`, for a header.
  const asExpress = Object.assign(asked, { get: () => undefined }) as unknown as Request;
  setStreamReader(asExpress, {
    person: 'leo',
    open,
    stillAllowed: () => Promise.resolve(true),
  });
  const stream = openEventStream(asExpress, answer as unknown as Response);
  assert.equal(stream.signal.aborted, true);
  assert.deepEqual([...open], []);
  server.close();
});
