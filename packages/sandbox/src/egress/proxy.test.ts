import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer as createHttpServer, request } from 'node:http';
import { connect, createServer, type AddressInfo, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseEgressEntry, type EgressEntry } from './policy.ts';
import { startEgressProxy, type EgressDecision, type EgressProxy } from './proxy.ts';

const directory = mkdtempSync(join(tmpdir(), 'egress-'));
const socketPath = join(directory, 'proxy.sock');
const echo = createServer((socket) => socket.pipe(socket));
const web = createHttpServer((asked, answer) => {
  answer.setHeader('x-seen', JSON.stringify([asked.method, asked.url, asked.headers]));
  asked.pipe(answer);
});
let [echoPort, webPort] = [0, 0];
let decisions: EgressDecision[] = [];
let proxy: EgressProxy;

const listen = async (server: Server): Promise<number> => {
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  // A server that listens on TCP has a port.
  return (server.address() as AddressInfo).port;
};

before(async () => {
  [echoPort, webPort] = [await listen(echo), await listen(web)];
  const entries = [
    `127.0.0.1:${echoPort}`,
    `127.0.0.1:${webPort}`,
    `inside.example:${echoPort}`,
    'rebound.example:443',
    'nowhere.example:443',
  ].map(parseEgressEntry);
  proxy = await startEgressProxy({
    socketPath,
    allow: entries.filter((entry): entry is EgressEntry => entry !== null),
    onDecision: (decision) => decisions.push(decision),
    resolve: (host) => {
      if (host === 'nowhere.example') return Promise.reject(new Error('ENOTFOUND'));
      return Promise.resolve(host === 'inside.example' ? ['127.0.0.1'] : ['127.0.0.1', '10.0.0.1']);
    },
  });
});
beforeEach(() => {
  decisions = [];
});
after(async () => {
  await proxy.close();
  echo.close();
  web.close();
  rmSync(directory, { recursive: true });
});

/** What comes back for some raw bytes, until `until` is in it or the other side ends. */
async function talk(text: string, until?: string, path = socketPath): Promise<string> {
  const socket = connect(path);
  socket.write(text);
  let seen = '';
  for await (const chunk of socket as AsyncIterable<Buffer>) {
    seen += chunk.toString();
    if (until !== undefined && seen.includes(until)) break;
  }
  socket.destroy();
  return seen;
}

const connectTo = (target: string): string => `CONNECT ${target} HTTP/1.1\r\nHost: x\r\n\r\n`;

test('what is listed is connected to, and carries bytes both ways', async () => {
  const seen = await talk(`${connectTo(`127.0.0.1:${echoPort}`)}hello`, 'hello');
  assert.match(seen, /^HTTP\/1\.1 200 .*\r\n\r\nhello$/s);
  assert.deepEqual(decisions, [{ host: '127.0.0.1', port: echoPort, allowed: true, reason: null }]);
});

test('a listed name with a listed address is connected to', async () => {
  assert.match(await talk(`${connectTo(`inside.example:${echoPort}`)}hi`, 'hi'), / 200 /);
});

test('what is not listed is refused with a sentence that says how to have it, and told once', async () => {
  const seen = await talk(connectTo('evil.example:443'));
  assert.match(
    seen,
    /^HTTP\/1\.1 403 .*egress to evil\.example:443 is not in this pool's list; ask/s,
  );
  assert.deepEqual(decisions, [
    { host: 'evil.example', port: 443, allowed: false, reason: 'not-listed' },
  ]);
});

test('a listed name that resolves to private addresses alone is refused', async () => {
  assert.match(await talk(connectTo('rebound.example:443')), / 403 .*private address/s);
});

test('a name that cannot be resolved is unreachable, and not refused for its own sake', async () => {
  assert.match(await talk(connectTo('nowhere.example:443')), / 502 .*cannot be reached/s);
});

test('an address in disguise is malformed', async () => {
  for (const target of ['2130706433:80', '0x7f.1:80', '[::ffff:7f00:1]:80', '127.1:80']) {
    assert.match(await talk(connectTo(target)), / 403 /, target);
  }
  assert.ok(decisions.every(({ allowed }) => !allowed));
});

test('a plain request goes through without what was said to the proxy', async () => {
  const answer = await new Promise<{ seen: string; body: string }>((resolve, reject) => {
    const asked = request(
      {
        ...{ socketPath, method: 'POST', path: `http://127.0.0.1:${webPort}/a?b=c` },
        headers: { 'proxy-authorization': 'Basic eA==', host: 'evil.example', 'x-own': '1' },
      },
      (response) => {
        let body = '';
        response.on('data', (chunk: Buffer) => (body += chunk.toString()));
        response.on('end', () => {
          resolve({ seen: String(response.headers['x-seen']), body });
        });
      },
    );
    asked.on('error', reject);
    asked.end('body');
  });
  assert.equal(answer.body, 'body');
  const [method, url, headers] = JSON.parse(answer.seen) as [
    string,
    string,
    Record<string, string>,
  ];
  assert.deepEqual([method, url, headers['host']], ['POST', '/a?b=c', `127.0.0.1:${webPort}`]);
  assert.deepEqual([headers['x-own'], headers['proxy-authorization']], ['1', undefined]);
});

test('nothing else goes out: another scheme, a path alone, TRACE, a user in the address, an upgrade', async () => {
  const at = `127.0.0.1:${webPort}`;
  for (const line of [
    `GET https://${at}/`,
    'GET /etc/passwd',
    `TRACE http://${at}/`,
    `GET http://user@${at}/`,
    `GET ftp://${at}/`,
  ]) {
    assert.match(await talk(`${line} HTTP/1.1\r\nHost: x\r\n\r\n`), /^HTTP\/1\.1 403 /, line);
  }
  const upgrade = `GET http://${at}/ HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n`;
  assert.equal(await talk(upgrade), '');
  assert.equal(await talk('not http at all\r\n\r\n'), '');
});

test('what a sandbox says and sends is shown, in every part of a request, in a tunnel, and where it is refused', async () => {
  const socketPath = join(directory, 'shown.sock');
  const shown: { to: string; text: string; ended: boolean }[] = [];
  const watched = await startEgressProxy({
    socketPath,
    allow: [
      { host: '127.0.0.1', port: echoPort },
      { host: '127.0.0.1', port: webPort },
    ],
    onDecision: () => undefined,
    onSent({ host, port }) {
      const seen = { to: `${host}:${port}`, text: '', ended: false };
      shown.push(seen);
      return {
        see: (bytes) => (seen.text += Buffer.from(bytes).toString()),
        end: () => (seen.ended = true),
      };
    },
  });
  const at = `127.0.0.1:${webPort}`;
  const body = 'in-body';
  const head = (url: string, more = ''): string =>
    `POST ${url} HTTP/1.1\r\nHost: x\r\nX-Own: in-header\r\n${more}\r\n`;
  try {
    const length = `Content-Length: ${body.length}\r\n`;
    await talk(`${head(`http://${at}/in-path?in-query`, length)}${body}`, undefined, socketPath);
    await talk(head('http://in-host.example/'), undefined, socketPath);
    await talk(`${connectTo(`127.0.0.1:${echoPort}`)}in-tunnel`, 'in-tunnel', socketPath);
    await talk(connectTo('IN-NAME.evil.example:443'), undefined, socketPath);
    await talk(connectTo('0x7f.1:80'), undefined, socketPath);
    while (!shown.every(({ ended }) => ended)) await sleep(5);
  } finally {
    await watched.close();
  }
  assert.deepEqual(
    shown.map(({ to }) => to),
    [at, 'in-host.example:80', `127.0.0.1:${echoPort}`, 'in-name.evil.example:443', 'unreadable:0'],
  );
  const [plain, refused, tunnel, name] = shown.map(({ text }) => text);
  for (const part of ['in-path', 'in-query', 'in-header', body]) {
    assert.ok(plain?.includes(part), part);
  }
  assert.match(refused ?? '', /in-header/);
  assert.match(tunnel ?? '', /in-tunnel/);
  assert.match(name ?? '', /IN-NAME/);
});

test('what went through is counted', async () => {
  const before = { ...proxy.counts };
  await talk(`${connectTo(`127.0.0.1:${echoPort}`)}12345`, '12345');
  await talk(connectTo('evil.example:443'));
  for (let wait = 0; proxy.counts.bytesIn === before.bytesIn && wait < 100; wait += 1) {
    await new Promise((done) => setTimeout(done, 10));
  }
  assert.deepEqual(
    [proxy.counts.allowed - before.allowed, proxy.counts.refused - before.refused],
    [1, 1],
  );
  assert.deepEqual(
    [proxy.counts.bytesOut - before.bytesOut, proxy.counts.bytesIn - before.bytesIn],
    [5, 5],
  );
});

test('of connections that are asked for all at once no more are made than may be', async () => {
  const socketPath = join(directory, 'narrow.sock');
  const told: EgressDecision[] = [];
  let answer = (): void => {};
  const resolved = new Promise<void>((done) => (answer = done));
  const narrow = await startEgressProxy({
    ...{ socketPath, maxConnections: 3 },
    allow: [
      { host: 'slow.example', port: echoPort },
      { host: '127.0.0.1', port: echoPort },
    ],
    onDecision: (decision) => told.push(decision),
    // All have asked before the first is connected.
    resolve: async () => {
      await resolved;
      return ['127.0.0.1'];
    },
  });
  const asking = Array.from({ length: 12 }, () => {
    const client = connect(socketPath);
    client.on('error', () => {});
    client.write(connectTo(`slow.example:${echoPort}`));
    return client;
  });
  try {
    while (told.length < 9) await sleep(5);
    answer();
    while (told.length < 12) await sleep(5);
    const allowed = told.filter((decision) => decision.allowed).length;
    assert.deepEqual([allowed, told.filter(({ reason }) => reason === 'too-many').length], [3, 9]);
    for (const client of asking) client.destroy();
    // What has ended makes room.
    while (told.filter((decision) => decision.allowed).length < 4) {
      const client = connect(socketPath);
      client.on('error', () => {});
      const before = told.length;
      client.write(connectTo(`slow.example:${echoPort}`));
      while (told.length === before) await sleep(5);
      client.destroy();
    }
  } finally {
    await narrow.close();
  }
});
