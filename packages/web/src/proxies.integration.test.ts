/** The samples in deploy/examples/proxies, loaded by the proxies themselves, in front of a server that says what it was told. */
import { freePort } from '@airlock/testkit/ports';
import { findBinary, installCommand, webProxies } from '@airlock/testkit/system-packages';
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage } from 'node:http';
import { request } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test, type TestContext } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { createCallerAddress } from './caller.ts';

const samples = join(import.meta.dirname, '../../../deploy/examples/proxies');
/** Another address of this machine than the proxy’s, by which the caller is told from it. */
const caller = '127.0.0.2';
const addressOf = createCallerAddress({ host: '127.0.0.1', port: 1, proxies: ['127.0.0.1/32'] });

let directory: string;
let certificate: Buffer;
const site = createServer((incoming, answer) => {
  if (incoming.url === '/stream') {
    answer.writeHead(200, { 'content-type': 'text/event-stream' });
    answer.write('event: lines\ndata: 1\n\n');
    return;
  }
  void incoming.toArray().then((chunks: Buffer[]) => {
    const { host } = incoming.headers;
    const others = Object.keys(incoming.headers).filter((name) => /^(x-)?forwarded/.test(name));
    const bytes = Buffer.concat(chunks).length;
    answer.end(JSON.stringify([addressOf(incoming), host, incoming.url, others, bytes]));
  });
});

before(async () => {
  directory = mkdtempSync(join(tmpdir(), 'airlock-proxies-'));
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  const out = ['-keyout', join(directory, 'site.key'), '-out', join(directory, 'site.pem')];
  const name = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost'];
  execFileSync('openssl', ['req', '-x509', ...newKey, '-days', '2', ...name, ...out], {
    stdio: 'ignore',
  });
  certificate = readFileSync(join(directory, 'site.pem'));
  site.listen(0, '127.0.0.1');
  await once(site, 'listening');
});
after(() => {
  site.closeAllConnections();
  site.close();
  rmSync(directory, { recursive: true, force: true });
});

/** What a sample is loaded by, and the words that check it and run it. */
const wrapped: Readonly<
  Record<string, { sample: string; before: () => string; check: string[]; run: string[] }>
> = {
  nginx: {
    sample: 'nginx.conf',
    before: () =>
      [
        ...['daemon off;', `pid ${directory}/nginx.pid;`, `error_log ${directory}/nginx.log;`],
        ...(process.getuid?.() === 0 ? ['user root;'] : []),
        'events {}',
        'http {',
        ...['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
          (kind) => `${kind}_temp_path ${directory}/${kind};`,
        ),
        'access_log off;',
      ].join('\n'),
    check: ['-t', '-c'],
    run: ['-c'],
  },
  caddy: {
    sample: 'Caddyfile',
    before: () =>
      `{\nadmin off\nauto_https disable_redirects\ngrace_period 1s\nstorage file_system ${directory}/caddy\n}\n`,
    check: ['validate', '--adapter', 'caddyfile', '--config'],
    run: ['run', '--adapter', 'caddyfile', '--config'],
  },
  'apache2-bin': {
    sample: 'apache.conf',
    before: () =>
      [
        ...[
          'ServerRoot /usr/lib/apache2',
          'ServerName localhost',
          `PidFile ${directory}/apache.pid`,
        ],
        ...[`DefaultRuntimeDir ${directory}`, `ErrorLog ${directory}/apache.log`],
        ...(process.getuid?.() === 0 ? ['User nobody', 'Group nogroup'] : []),
        ...['mpm_event', 'authz_core', 'ssl', 'proxy', 'proxy_http', 'headers'].map(
          (name) => `LoadModule ${name}_module modules/mod_${name}.so`,
        ),
        '',
      ].join('\n'),
    check: ['-t', '-f'],
    run: ['-D', 'FOREGROUND', '-f'],
  },
};

async function started(t: TestContext, name: string, binary: string): Promise<number> {
  const how = wrapped[name] ?? assert.fail(`no sample of ${name}`);
  const port = await freePort();
  // A TCP server's address is an object; the string form is for pipes.
  const { port: behind } = site.address() as AddressInfo;
  const own = name === 'caddy' ? `https://localhost:${port}` : 'localhost';
  const sample = readFileSync(join(samples, how.sample), 'utf8')
    .replaceAll('ci.example.com', own)
    .replaceAll('/etc/airlock/', `${directory}/`)
    .replaceAll(/\b443\b/g, String(port))
    .replaceAll('127.0.0.1:8080', `127.0.0.1:${behind}`);
  const file = join(directory, how.sample);
  writeFileSync(file, `${how.before()}${sample}${name === 'nginx' ? '}\n' : ''}`);
  execFileSync(binary, [...how.check, file], { stdio: ['ignore', 'pipe', 'pipe'] });
  const child = spawn(binary, [...how.run, file], { stdio: 'ignore' });
  t.after(async () => {
    const ended = once(child, 'exit');
    // Proxies wait for answers that are still open.
    site.closeAllConnections();
    child.kill('SIGTERM');
    await ended;
  });
  return port;
}

/** Through the proxy, once it is there. */
async function ask(
  port: number,
  options: {
    readonly path: string;
    readonly method?: string;
    readonly headers?: Readonly<Record<string, string>>;
    readonly body?: Buffer;
  },
): Promise<IncomingMessage> {
  for (let attempt = 0; ; attempt += 1) {
    const outgoing = request({
      ...{ host: '127.0.0.1', servername: 'localhost', port, localAddress: caller },
      ...{ ca: certificate, agent: false },
      ...options,
      headers: { host: `localhost:${port}`, ...options.headers },
    });
    outgoing.end(options.body);
    try {
      const [answer] = (await once(outgoing, 'response')) as [IncomingMessage];
      return answer;
    } catch (error) {
      if (attempt > 200) throw error;
      await pause(50);
    }
  }
}

for (const wanted of webProxies) {
  const binary = findBinary(wanted);
  const skip = binary === null && process.env['CI'] === undefined ? installCommand(wanted) : false;
  test(
    `our sample for ${wanted.debian} loads; the site hears whose request it is, what was asked, and nothing that the caller says of it`,
    {
      skip,
    },
    async (t) => {
      assert.ok(binary !== null, `${wanted.debian} is missing; ${installCommand(wanted)}`);
      const port = await started(t, wanted.debian, binary);
      const path = '/repositories/shop%2Fshop-api?q=a%2Fb';
      const headers = {
        'x-forwarded-for': '192.0.2.66',
        'x-forwarded-host': 'evil.example',
        'x-forwarded-proto': 'http',
        forwarded: 'for=192.0.2.66',
      };
      const body = Buffer.alloc(5 * 1024 * 1024);
      const answer = await ask(port, { path, headers, method: 'POST', body });
      const told: unknown = JSON.parse((await answer.toArray()).map(String).join(''));
      assert.deepEqual(told, [caller, `localhost:${port}`, path, ['x-forwarded-for'], body.length]);
      const stream = await ask(port, { path: '/stream' });
      // While the answer is still open.
      const [first] = (await once(stream, 'data')) as [Buffer];
      assert.match(first.toString(), /data: 1/);
      stream.destroy();
    },
  );
}
