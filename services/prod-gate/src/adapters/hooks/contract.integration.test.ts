/** The examples of docs/operations/hooks.md as they stand there, in the sandbox; and that a hook cannot find what the gate holds. */
import {
  createCertificateAuthority,
  issueCertificate,
  type CertificateAndKey,
} from '@airlock/cli/setup/pki';
import { CredentialRead } from '@airlock/common/policy/target-credentials';
import { Egress } from '@airlock/common/policy/target-egress';
import { Secret } from '@airlock/common/secret';
import { readHookDirectory } from '@airlock/process/hook-directory';
import { testPostgres } from '@airlock/testkit/stack';
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { createServer as createHttpsServer } from 'node:https';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import pg from 'pg';
import { parse } from 'yaml';
import { z } from 'zod';
import type { HookEnd, HookRequest } from '../../app/delivery-ports.ts';
import type { Credential, CredentialSecret } from '../../app/vault-ports.ts';
import { bubblewrapExecutor, createHookPreparer } from './run-hook.ts';

/** Uses both sockets, then looks everywhere; what it looks for stands nowhere in it as it looks for it. */
const sweep = `import { readFileSync, writeFileSync, readdirSync, openSync, readSync, lstatSync } from 'node:fs';
import { request } from 'node:http';
import { Client } from 'pg';
const pattern = /k4n[a]ry-[0-9a-f]{16}/g;
const found = new Set<string>();
const look = (where: string, bytes: Buffer): void => {
  for (const [match] of bytes.toString('latin1').matchAll(pattern)) found.add(where + ' ' + match);
};
const file = (where: string, path: string): void => {
  try { look(where, readFileSync(path)); } catch { /* not readable */ }
};
async function main(): Promise<void> {
  const { db, api } = JSON.parse(readFileSync(process.env['AIRLOCK_EGRESS'] ?? '', 'utf8'));
  const client = new Client({ host: db.host, database: db.database, user: 'any' });
  await client.connect();
  const { rows } = await client.query('select session_user as who');
  const status = await new Promise((resolve) => request({ socketPath: api.socket, method: 'POST', path: '/v1/deploys',
    headers: { Host: new URL(api.origin).host } }, (answer) => { answer.resume(); resolve(answer.statusCode); }).end());
  console.log('used ' + rows[0].who + ' ' + status);
  const params = readFileSync(process.env['AIRLOCK_PARAMS'] ?? '', 'utf8');
  const walk = (path: string): void => {
    for (const name of readdirSync(path)) {
      const next = path === '/' ? '/' + name : path + '/' + name;
      if (/^\\/(proc|sys|usr|bin|sbin|lib|lib32|lib64|libx32|dev|opt)$/.test(next)) continue;
      const facts = lstatSync(next);
      if (facts.isDirectory()) walk(next);
      else if (facts.isFile()) file(next, next);
    }
  };
  walk('/');
  for (const pid of readdirSync('/proc').filter((name) => /^[0-9]+$/.test(name))) {
    for (const name of ['environ', 'cmdline', 'stack', 'status']) file('process', '/proc/' + pid + '/' + name);
  }
  for (const fd of readdirSync('/proc/self/fd')) {
    try { if (lstatSync('/proc/self/fd/' + fd) && Number(fd) === 10) file('descriptor', '/proc/self/fd/' + fd); } catch { /* its own */ }
  }
  const memory = openSync('/proc/self/mem', 'r');
  let bytes = 0;
  for (const line of readFileSync('/proc/self/maps', 'utf8').split('\\n')) {
    const range = /^([0-9a-f]+)-([0-9a-f]+) r/.exec(line);
    if (range === null || line.includes('[vv')) continue;
    const to = BigInt('0x' + range[2]);
    const chunk = Buffer.alloc(1 << 20);
    for (let at = BigInt('0x' + range[1]); at < to; at += BigInt((1 << 20) - 64)) {
      try {
        const left = to - at;
        const count = readSync(memory, chunk, 0, left < 1048576n ? Number(left) : 1 << 20, at as never);
        bytes += count;
        look('memory', chunk.subarray(0, count));
      } catch { break; }
    }
  }
  for (const line of found) console.log(line);
  if (bytes < 20_000_000 || params === '') process.exitCode = 2;
  await client.end();
  writeFileSync(process.env['AIRLOCK_OUT'] + '/result.json', '{}');
}
main().catch((error) => { console.log(error.message); process.exitCode = 1; });
`;

const Fragment = z.strictObject({
  reads: z.array(CredentialRead),
  egress: z.array(z.record(z.string(), z.unknown())),
});
type Target = { reads: CredentialRead[]; egress: Record<string, unknown>[] };
type Example = { target: Target; manifest: string; script: string };

const repositoryRoot = join(import.meta.dirname, '../../../../..');
const directory = mkdtempSync(join(tmpdir(), 'airlock-contract-'));
const artifact = Buffer.from('a release');
const secret = `k4nary-${randomBytes(8).toString('hex')}`;
const role = `hook_${randomBytes(6).toString('hex')}`;
const servers: Server[] = [];
let authority: CertificateAndKey;
let admin: pg.Client;
let examples: ReadonlyMap<string, Example>;
/** Where the places of the examples are in this test. */
const places: Record<string, { port: number; name?: string }> = {};
const heard: Record<'api' | 'web1', string> = { api: '', web1: '' };

before(async () => {
  examples = readExamples();
  writeFileSync(join(directory, 'artifact'), artifact);
  const server = await testPostgres();
  const { host, port, user, password } = server;
  const name = await server.createDatabase();
  admin = new pg.Client({ host, port, user, password, database: 'postgres' });
  await admin.connect();
  await admin.query(`create role ${role} login password '${secret}'`);
  places['db'] = { port, name };
  authority = await createCertificateAuthority('production');
  const { certificatePem: cert, keyPem: key } = await issueCertificate({
    ...{ ca: authority, uriSan: 'airlock://api', usage: 'server', days: 1 },
    ...{ dnsNames: ['localhost'], ipAddresses: [] },
  });
  const api = createHttpsServer({ cert, key }, (request, response) => {
    heard.api += `${request.method ?? ''} ${request.url ?? ''} ${request.headers.authorization ?? ''} `;
    request.on('data', (chunk: Buffer) => (heard.api += chunk.toString()));
    request.on('end', () => response.writeHead(202).end());
  });
  places['api'] = { port: await listen(api) };
  const web1 = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('data', (chunk: Buffer) => (heard.web1 += chunk.toString()));
    socket.on('end', () => socket.end('OK'));
  });
  places['web1'] = { port: await listen(web1) };
});

after(async () => {
  for (const server of servers) server.close();
  await admin.query(`drop role ${role}`);
  await admin.end();
  rmSync(directory, { recursive: true, force: true });
});

test('the example for Postgres delivers as the role of the credential', async () => {
  const { end, lines } = await run('Postgres');
  assert.deepEqual(lines, [`stdout delivering as ${role}`]);
  assert.deepEqual([end.exit, end.result], [0, { done: true }]);
});

test('the example for HTTPS posts the release with the token that it never has', async () => {
  const { end, lines } = await run('HTTPS');
  assert.deepEqual(lines, ['stdout the target answered 202']);
  assert.equal(heard.api, `POST /v1/deploys Bearer ${secret} {"release":"2026.11.22-1"}`);
  assert.equal(end.exit, 0);
});

test('the example for TCP logs in with the credential from its descriptor and sends the artifact', async () => {
  const { end, lines } = await run('TCP');
  assert.deepEqual(lines, ['stdout OK']);
  assert.equal(heard.web1, `LOGIN ${role} ${secret}\na release`);
  assert.equal(end.exit, 0);
});

test('a hook that uses both proxies finds no secret in its memory, environment, descriptors, processes and files', async () => {
  const name = 'sweep';
  const source = join(directory, 'source', name);
  mkdirSync(source, { recursive: true });
  writeFileSync(
    join(source, 'hook.yaml'),
    [
      `version: 1\nname: ${name}\nsummary: Looks for secrets.`,
      'needs: { egress: { db: postgres, api: https } }',
      'params: { decoy: { type: string, required: true, summary: What it must find. } }\n',
    ].join('\n'),
  );
  writeFileSync(join(source, 'run.ts'), sweep);
  const targets = ['Postgres', 'HTTPS'].map((each) => exampleOf(each).target);
  const decoy = `k4nary-${'d'.repeat(16)}`;
  const { end, lines } = await runBuilt(
    name,
    source,
    {
      reads: targets.flatMap(({ reads }) => reads),
      egress: targets.flatMap(({ egress }) => egress),
    },
    { decoy },
  );
  const [used, ...found] = lines;
  assert.equal(used, `stdout used ${role} 202`);
  assert.equal(end.exit, 0, lines.join('\n'));
  // It finds what is there: the decoy in the file of params and in its memory, and nothing else anywhere.
  assert.deepEqual(
    found.filter((line) => !line.includes(decoy)),
    [],
  );
  assert.ok(found.includes(`stdout /params.json ${decoy}`), found.join('\n'));
  assert.ok(found.includes(`stdout memory ${decoy}`), found.join('\n'));
});

test('of a hook that prints what it read from its descriptor, the log shows no credential of any kind', async () => {
  const key = ['-----BEGIN PRIVATE KEY-----', ...['A', 'B', 'C'].map((one) => one.repeat(64))];
  const pem = [...key, '-----END PRIVATE KEY-----', ''].join('\n');
  const secrets: CredentialSecret[] = [
    { kind: 'database', username: 'u', password: new Secret(`${secret}-db`) },
    {
      ...{ kind: 'aws', accessKeyId: 'AKIA' },
      secretAccessKey: new Secret(`${secret}/aws+key`),
      sessionToken: new Secret(`${secret}=token`),
    },
    { kind: 'ssh', privateKey: new Secret(pem), certificate: 'ssh-ed25519-cert-v01 AAAA' },
    { kind: 'pki', privateKey: new Secret(pem), certificate: 'CERT', chain: ['CHAIN'] },
    { kind: 'kv', value: new Secret(`${secret}\nsecond line of it`) },
  ];
  const name = 'prints';
  const source = join(directory, 'source', name);
  mkdirSync(source, { recursive: true });
  const needs = secrets.map(({ kind }) => `${kind}: ${kind}`).join(', ');
  writeFileSync(
    join(source, 'hook.yaml'),
    `version: 1\nname: ${name}\nsummary: For a test.\nneeds: { credentials: { ${needs} } }\nparams: {}\n`,
  );
  writeFileSync(
    join(source, 'run.ts'),
    `import { readFileSync } from 'node:fs';
const text = readFileSync(Number(process.env['AIRLOCK_CREDENTIAL_FD']), 'utf8');
const all = JSON.parse(text);
console.log(Object.keys(all).join(), all.ssh.certificate, all.pki.chain[0], all.aws.accessKeyId);
console.log(text);
for (const each of Object.values(all)) for (const value of Object.values(each as object)) console.log(String(value));
console.log(Buffer.from(text).toString('base64').replace(/.{76}/g, '$&\\n'));
console.log(Buffer.from(text).toString('hex'));
process.exitCode = 1;`,
  );
  const given = secrets.map((each) => credential(each.kind, each));
  const { lines } = await runBuilt(name, source, { reads: [], egress: [] }, {}, given);
  assert.equal(
    lines[0],
    'stdout database,aws,ssh,pki,kv ssh-ed25519-cert-v01 AAAA CHAIN AKIA',
    lines.join('\n'),
  );
  const log = lines.join('\n');
  const parts = [secret, 'second line of it', 'A'.repeat(64), 'B'.repeat(64), 'C'.repeat(64)];
  for (const part of parts) {
    assert.ok(!log.includes(part), part);
    assert.ok(!log.includes(Buffer.from(part).toString('hex')), part);
    assert.ok(!log.includes(Buffer.from(part).toString('base64').slice(0, 20)), part);
  }
});

// ── what the tests are made of ──────────────────────────────────────────────────────────────────────────────────

function readExamples(): ReadonlyMap<string, Example> {
  const text = readFileSync(join(repositoryRoot, 'docs/operations/hooks.md'), 'utf8');
  const found = new Map<string, Example>();
  for (const section of text.split(/^## /m)) {
    const block = (info: string): string | undefined =>
      new RegExp(`^\`\`\`${info}\\n(.*?)^\`\`\`$`, 'ms').exec(section)?.[1];
    const [target, manifest, script] = [block('yaml target'), block('yaml hook'), block('ts')];
    if (target === undefined || manifest === undefined || script === undefined) continue;
    const title = section.split('\n')[0] ?? '';
    found.set(title, { target: Fragment.parse(parse(target)), manifest, script });
  }
  return found;
}

function exampleOf(title: string): Example {
  const example = examples.get(title);
  assert.ok(example !== undefined, `docs/operations/hooks.md has no example ${title}`);
  return example;
}

async function run(title: string): Promise<{ end: HookEnd; lines: string[] }> {
  const { target, manifest, script } = exampleOf(title);
  const name = `example-${title.toLowerCase()}`;
  const source = join(directory, 'source', name);
  mkdirSync(source, { recursive: true });
  writeFileSync(
    join(source, 'hook.yaml'),
    `version: 1\nname: ${name}\nsummary: An example.\n${manifest}params: {}\n`,
  );
  writeFileSync(join(source, 'run.ts'), script);
  return await runBuilt(name, source, target);
}

/** With the places of this test instead of those of the document. */
async function runBuilt(
  name: string,
  source: string,
  target: Target,
  params: HookRequest['params'] = {},
  given: Credential[] = target.reads.map((read) => credential(read.as, secretOf(read.kind))),
): Promise<{ end: HookEnd; lines: string[] }> {
  const hooks = join(directory, 'hooks');
  await promisify(execFile)(process.execPath, [
    ...[join(repositoryRoot, 'deploy/hooks/build.ts'), name, hooks, source],
  ]);
  const egress = target.egress.map((entry) =>
    Egress.parse({
      ...entry,
      host: entry['kind'] === 'https' ? 'localhost' : '127.0.0.1',
      ...places[String(entry['as'])],
      // The shared Postgres speaks no TLS; that it is spoken is shown elsewhere.
      ...('ca' in entry
        ? { ca: entry['kind'] === 'https' ? authority.certificatePem : undefined }
        : {}),
    }),
  );
  const preparer = createHookPreparer({
    hooksDirectory: hooks,
    workDirectory: join(directory, 'work'),
    nodeBinary: process.execPath,
    artifacts: {
      async openVerified() {
        return { handle: await open(join(directory, 'artifact')), size: artifact.length };
      },
    },
    executor: bubblewrapExecutor,
  });
  const hook = await preparer.prepare({
    inWaves: false,
    hook: `${name}@sha256:${(await readHookDirectory(join(hooks, name))).digest}`,
    params,
    artifact: {
      name: 'shop-api.tar.gz',
      sha256: createHash('sha256').update(artifact).digest('hex'),
    },
    reads: given.map(({ as, secret: { kind } }) => ({ as, kind })),
    egress,
    facts: {
      ...{ deliveryId: 'dlv_0123456789', fence: 1, promotionId: 'prm_0123456789' },
      ...{
        promotionDigest: 'd'.repeat(64),
        returns: null,
        target: 'prod-eu',
        release: '2026.11.22-1',
      },
      commit: 'c0ffee'.padEnd(40, '0'),
    },
  });
  const lines: string[] = [];
  try {
    const end = await hook.run({
      stage: { name: 'deliver', wave: null },
      ...{ credentials: given, limitSeconds: 60, signal: new AbortController().signal },
      output: (stream, line) => lines.push(`${stream} ${line}`),
    });
    return { end, lines };
  } finally {
    await hook.dispose();
  }
}

function secretOf(kind: CredentialRead['kind']): CredentialSecret {
  if (kind === 'database') return { kind, username: role, password: new Secret(secret) };
  assert.equal(kind, 'kv');
  return { kind: 'kv', value: new Secret(secret) };
}

function credential(as: string, own: CredentialSecret): Credential {
  return {
    ...{ as, ending: 'revocable', leaseId: null, holder: 'holder', seconds: 60 },
    secret: own,
  };
}

async function listen(server: Server): Promise<number> {
  servers.push(server);
  server.listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const address = server.address();
  assert.ok(typeof address === 'object' && address !== null);
  return address.port;
}
