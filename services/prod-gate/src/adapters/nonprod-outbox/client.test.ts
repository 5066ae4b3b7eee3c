/** The gate's side of the outbox against a server that holds nonprod's certificate and keeps to nothing else. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { RequestListener } from 'node:http';
import { createServer } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { createCertificateAuthority, issueCertificate } from '@airlock/cli/setup/pki';
import { createOutboxClient, OutboxSettings } from './client.ts';

const directory = mkdtempSync(join(tmpdir(), 'airlock-outbox-client-'));
let answer: RequestListener = () => {};
let settings: OutboxSettings;
let stop: () => void;

before(async () => {
  const ca = await createCertificateAuthority('gate-edge');
  const issue = (uriSan: string, usage: 'server' | 'client') =>
    issueCertificate({ ca, uriSan, dnsNames: [], ipAddresses: ['127.0.0.1'], usage, days: 1 });
  const own = await issue('airlock:nonprod:outbox', 'server');
  const client = await issue('airlock:gate:intake', 'client');
  const write = (name: string, text: string): string => {
    writeFileSync(join(directory, name), text, { mode: 0o600 });
    return join(directory, name);
  };
  const server = createServer(
    { cert: own.certificatePem, key: own.keyPem, ca: ca.certificatePem, requestCert: true },
    (request, response) => {
      answer(request, response);
    },
  );
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  settings = OutboxSettings.parse({
    url: `https://127.0.0.1:${port}`,
    caFile: write('ca.pem', ca.certificatePem),
    certificateFile: write('client.pem', client.certificatePem),
    keyFile: write('client.key', client.keyPem),
    timeoutSeconds: 1,
  });
  stop = () => {
    server.closeAllConnections();
    server.close();
  };
});
after(() => {
  stop();
  rmSync(directory, { recursive: true, force: true });
});

async function withClient<T>(
  work: (client: ReturnType<typeof createOutboxClient>) => Promise<T>,
): Promise<T> {
  const client = createOutboxClient(settings);
  try {
    return await work(client);
  } finally {
    client.close();
  }
}

const askForPage = () => withClient((client) => client.page({ after: 0, limit: 16 }));

async function fetchBlob(): Promise<number> {
  return withClient(async (client) => {
    let size = 0;
    for await (const chunk of await client.blob('a'.repeat(64))) size += chunk.length;
    return size;
  });
}

test('a page is what it says', async () => {
  answer = (_request, response) => response.end('{"items":[],"head":7}');
  assert.deepEqual(await askForPage(), { items: [], head: 7 });
});

test('more items than were asked for are E_OUTBOX_LIMIT, whatever they are', async () => {
  answer = (_request, response) =>
    response.end(JSON.stringify({ items: Array(17).fill(0), head: 17 }));
  await assert.rejects(askForPage(), {
    code: 'E_OUTBOX_LIMIT',
    message: /17 items where 16 were asked for/,
  });
});

test('a page of more than 256 KiB is E_OUTBOX_LIMIT', async () => {
  answer = (_request, response) => response.end(' '.repeat(256 * 1024 + 1));
  await assert.rejects(askForPage(), { code: 'E_OUTBOX_LIMIT' });
});

test('a body that drips is left, although the connection is never silent', async () => {
  answer = (_request, response) => {
    response.writeHead(200);
    const drip = setInterval(() => response.write('x'), 100);
    response.on('close', () => {
      clearInterval(drip);
    });
  };
  const left = { code: 'outbox-unreachable', message: /less than 65536 bytes in 1 s/ };
  await assert.rejects(fetchBlob(), left);
  await assert.rejects(askForPage(), left);
});

test('a body that takes long and keeps coming is taken', async () => {
  answer = (_request, response) => {
    response.writeHead(200);
    let chunks = 0;
    const flow = setInterval(() => {
      chunks += 1;
      response.write(Buffer.alloc(64 * 1024));
      if (chunks < 15) return;
      clearInterval(flow);
      response.end();
    }, 150);
  };
  assert.equal(await fetchBlob(), 15 * 64 * 1024);
});
