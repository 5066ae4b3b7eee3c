import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, utimesSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { createServer } from 'node:tls';
import { pathToFileURL } from 'node:url';
import { createCertificateAuthority, issueCertificate } from '../setup/pki.ts';
import { checkIds, doctorControls, examine } from '../doctor.ts';
import { headerFault, mayPush, shared } from './exposure.ts';
import type { Finding, Installation } from './installation.ts';
import { listeningOn } from './listeners.ts';
import { isPrivateAddress } from './private-address.ts';

const directory = mkdtempSync(join(tmpdir(), 'airlock-doctor-test-'));
after(() => {
  rmSync(directory, { recursive: true });
});

const installed = (files: Readonly<Record<string, Record<string, unknown>>>): Installation => ({
  directory: '/nonexistent/config',
  files: Object.entries(files).map(([name, content]) => ({
    ...{ path: `/nonexistent/config/${name}.yaml`, content },
  })),
});

async function only(id: string, installation: Installation): Promise<Finding> {
  const [finding] = await examine(installation, [id]);
  assert.ok(finding);
  return finding;
}

test('only loopback and private addresses count as such', () => {
  for (const host of [
    '127.0.0.1',
    '10.2.3.4',
    '172.31.0.1',
    '192.168.1.1',
    '::1',
    'fd00::1',
    'localhost',
  ]) {
    assert.equal(isPrivateAddress(host), true, host);
  }
  for (const host of [
    '0.0.0.0',
    '::',
    '8.8.8.8',
    '172.32.0.1',
    '2001:db8::1',
    'ci.example',
    '100.128.0.1',
  ]) {
    assert.equal(isPrivateAddress(host), false, host);
  }
});

test('V4: a listener on every address of the machine is found with its file', async () => {
  const listen = { host: '127.0.0.1', port: 1 };
  const good = installed({ 'nonprod-web': { listen } });
  assert.equal((await only('bind', good)).status, 'pass');
  const runnerApi = { host: '0.0.0.0', port: 2 };
  const { status, summary, howToFix } = await only(
    'bind',
    installed({ 'nonprod-web': { listen, runnerApi } }),
  );
  assert.equal(status, 'fail');
  assert.match(summary, /nonprod-web\.yaml listens on 0\.0\.0\.0:2/);
  assert.match(howToFix ?? '', /Bind it to/);
});

test('B67: what the kernel lists as listening is read, IPv4, IPv6 and mapped', () => {
  const table = [
    '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid',
    '   0: 0100007F:65E0 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0',
    '   1: 00000000:07E8 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0',
    '   2: 0100007F:65E0 0100007F:C001 01 00000000:00000000 00:00000000 00000000     0',
    '   3: 00000000000000000000000001000000:0050 00000000000000000000000000000000:0000 0A',
    '   4: 0000000000000000FFFF00000100007F:0051 00000000000000000000000000000000:0000 0A',
  ].join('\n');
  assert.deepEqual(listeningOn(table), [
    { address: '127.0.0.1', port: 26080 },
    { address: '0.0.0.0', port: 2024 },
    { address: '0:0:0:0:0:0:0:1', port: 80 },
    { address: '127.0.0.1', port: 81 },
  ]);
});

test('J3: a key, a database and a Redis that both sides name are found, and one host for both is a fault', async () => {
  const database = { host: 'db', port: 5432, name: 'airlock' };
  const redis = { url: 'redis://r:6379' };
  const both = installed({
    'nonprod-web': { database: { ...database, user: 'nonprod_web' }, redis, keyFile: '/k/one.key' },
    'gate-web': { database: { ...database, user: 'gate_web' }, redis, keyFile: '/k/one.key' },
  });
  assert.deepEqual(shared(both), [
    '/k/one.key',
    'database db:5432/airlock',
    'redis redis://r:6379',
  ]);
  assert.equal((await only('split', both)).status, 'fail');
  assert.equal((await only('split', installed({ 'gate-web': { redis } }))).status, 'pass');
});

test('a site that does not say whom to tell of a hole is named', async () => {
  const site = { origin: 'https://gate.example', listen: { host: '127.0.0.1', port: 1 } };
  const silent = await only('security-contact', installed({ 'gate-web': site }));
  assert.equal(silent.status, 'fail');
  assert.match(silent.summary, /gate-web\.yaml: no securityContact/);
  const told = { ...site, securityContact: { contacts: ['mailto:security@company.example'] } };
  const answer = await only('security-contact', installed({ 'gate-web': told }));
  assert.equal(answer.status, 'pass');
});

test('J14: a gate that answers more than loopback, named networks or named certificates is named', async () => {
  const gate = (listen: Record<string, unknown>): Installation =>
    installed({ 'gate-web': { listen: { port: 1, ...listen } } });
  for (const host of ['0.0.0.0', '10.2.3.4', '::', '127.evil.example']) {
    const { status, summary } = await only('gate-wall', gate({ host, allowFrom: null, tls: null }));
    assert.equal(status, 'fail', host);
    assert.match(summary, /gate-web\.yaml listens on/);
  }
  for (const listen of [
    { host: '127.0.0.1' },
    { host: '::1' },
    { host: '10.2.3.4', allowFrom: ['10.2.0.0/16'] },
    { host: '10.2.3.4', tls: { clientCaFile: '/keys/people.pem' } },
  ])
    assert.equal((await only('gate-wall', gate(listen))).status, 'pass', listen.host);
  const nonprod = installed({ 'nonprod-web': { listen: { host: '0.0.0.0', port: 1 } } });
  assert.equal((await only('gate-wall', nonprod)).status, 'skip');
});

test('what a proxy took away from the headers of a page is named', () => {
  const whole = {
    'content-security-policy': "default-src 'none';frame-ancestors 'none'",
    'x-content-type-options': 'nosniff',
    'strict-transport-security': 'max-age=31536000; includeSubDomains',
  };
  assert.equal(headerFault(whole, true), null);
  assert.match(
    headerFault({ ...whole, 'strict-transport-security': 'max-age=60' }, true) ?? '',
    /Strict-Transport/,
  );
  assert.match(headerFault({ ...whole, server: 'nginx/1.2' }, true) ?? '', /nginx/);
  assert.match(
    headerFault({ ...whole, 'content-security-policy': undefined }, true) ?? '',
    /Content-Security-Policy/,
  );
  assert.match(
    headerFault({ ...whole, 'x-content-type-options': undefined }, false) ?? '',
    /nosniff/,
  );
});

test('B39: a repository that may be pushed to is told from one that may not, and nothing is pushed', async () => {
  const bare = join(directory, 'bare.git');
  execFileSync('git', ['init', '--quiet', '--bare', bare]);
  assert.equal(await mayPush(pathToFileURL(bare).href), true);
  assert.equal(execFileSync('git', ['-C', bare, 'for-each-ref']).toString(), '');
  assert.equal(await mayPush(pathToFileURL(join(directory, 'none.git')).href), false);
});

async function tlsFinding(days: number, minVersion: 'TLSv1.2' | 'TLSv1.3'): Promise<Finding> {
  const ca = await createCertificateAuthority('test');
  const { certificatePem, keyPem } = await issueCertificate({
    ...{ ca, uriSan: 'airlock:nonprod:outbox', usage: 'server', days },
    ...{ dnsNames: ['localhost'], ipAddresses: ['127.0.0.1'] },
  });
  const server = createServer({ cert: certificatePem, key: keyPem, minVersion });
  server.on('tlsClientError', () => {});
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    // What listens on a TCP port has an address with a port.
    const { port } = server.address() as AddressInfo;
    return await only(
      'tls',
      installed({ 'nonprod-outbox': { listener: { host: '127.0.0.1', port } } }),
    );
  } finally {
    server.close();
  }
}

test('B4, B36, B68: a listener that still speaks TLS 1.2, and a certificate that ends within three weeks, are faults', async () => {
  assert.equal((await tlsFinding(90, 'TLSv1.3')).status, 'pass');
  const old = await tlsFinding(90, 'TLSv1.2');
  assert.equal(old.status, 'fail');
  assert.match(old.summary, /speaks TLSv1\.2/);
  const ending = await tlsFinding(20, 'TLSv1.3');
  assert.equal(ending.status, 'fail');
  assert.match(ending.summary, /ends on/);
});

test('B45: a key file that others may read is a fault that names the file', async () => {
  mkdirSync(join(directory, 'keys'));
  const file = join(directory, 'keys/own.key');
  writeFileSync(file, '-----BEGIN PRIVATE KEY-----', { mode: 0o644 });
  const finding = await only('private-files', installed({ signer: { keyFile: file } }));
  assert.deepEqual([finding.status, finding.howToFix], ['fail', `chmod 600 ${file}`]);
  assert.ok(readFileSync(file).length > 0);
});

test('B47: a credential that is older than its configuration, or the default, lets it be is named with its age', async () => {
  const file = join(directory, 'aged.key');
  writeFileSync(file, '-----BEGIN PRIVATE KEY-----', { mode: 0o600 });
  const aged = new Date(Date.now() - 100 * 24 * 3600_000);
  utimesSync(file, aged, aged);
  const finding = (nonprod: object, gate: object = {}) =>
    only(
      'rotation',
      installed({
        signer: { keyFile: file },
        'nonprod-web': { ...nonprod },
        'gate-web': { ...gate },
      }),
    );
  assert.equal((await finding({})).status, 'pass');
  assert.equal((await finding({}, { rotateEvery: { keyDays: 90 } })).status, 'pass');
  const late = await finding({ rotateEvery: { keyDays: 90 } });
  assert.equal(late.status, 'fail');
  assert.match(late.summary, /signer\.yaml: keyFile has been in use for 100 days; .* every 90$/);
  assert.match(late.howToFix ?? '', /rotation\.md/);
});

test('every promise is named for a check that there is', () => {
  for (const id of Object.keys(doctorControls)) assert.ok(checkIds.includes(id), id);
});
