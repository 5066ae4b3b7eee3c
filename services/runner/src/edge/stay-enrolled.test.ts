import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { TLSSocket } from 'node:tls';
import { instanceHeader } from '@airlock/common/wire/runner-enrolment';
import type { Log } from '@airlock/process/log';
import {
  MachineError,
  readBytes,
  readJson,
  startMachineServer,
  type MachineServer,
} from '@airlock/process/machine-server';
import { z } from 'zod';
import { createControlPlane } from '../api/control-plane.ts';
import { keepLease } from '../lease-keeper.ts';
import { createEdgeCalls } from './calls.ts';
import { makeKeyAndRequest } from './certificate-request.ts';
import { createConnection } from './connection.ts';
import { readValidity, renewalOf, writeIdentity } from './identity.ts';
import { stayEnrolled } from './stay-enrolled.ts';

const silent: Log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
const directory = mkdtempSync(join(tmpdir(), 'airlock-renewal-'));
const at = (name: string): string => join(directory, name);
const openssl = (...args: readonly string[]): string =>
  execFileSync('openssl', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
const never = new AbortController().signal;
const serverIdentity = 'airlock:nonprod:runner-api';

/** As nonprod keeps it: which certificates count, and which process speaks. */
const registry = {
  accepted: new Set<string>(),
  seen: new Set<string>(),
  instances: new Set<string>(),
};
const log: string[] = [];
let server: MachineServer;

const fingerprintOf = (request: IncomingMessage): string =>
  request.socket instanceof TLSSocket
    ? (request.socket.getPeerX509Certificate()?.fingerprint256 ?? '')
    : '';

/** A certificate by OpenSSL, for a request that this runner made. */
function issue(csrPem: string, uri: string, usage: 'clientAuth' | 'serverAuth'): string {
  writeFileSync(at('csr.pem'), csrPem);
  writeFileSync(at('ext'), `subjectAltName=URI:${uri}\nextendedKeyUsage=${usage}\n`);
  const ca = ['-CA', at('ca.pem'), '-CAkey', at('ca.key')];
  return openssl('x509', '-req', '-in', at('csr.pem'), ...ca, '-days', '1', '-extfile', at('ext'));
}

before(async () => {
  const subject = ['-subj', '/CN=runner-edge', '-keyout', at('ca.key'), '-out', at('ca.pem')];
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256'];
  openssl('req', '-x509', ...curve, '-nodes', '-days', '2', ...subject);
  const own = makeKeyAndRequest();
  writeFileSync(at('server.pem'), issue(own.csrPem, serverIdentity, 'serverAuth'));
  writeFileSync(at('server.key'), own.keyPem, { mode: 0o600 });
  const first = makeKeyAndRequest();
  const certificate = issue(first.csrPem, 'airlock:runner:r1', 'clientAuth');
  writeIdentity(at('identity.pem'), first.keyPem, certificate);
  registry.accepted.add(new X509Certificate(certificate).fingerprint256);
  server = await startMachineServer({
    setting: 'runnerApi',
    listener: {
      ...{ host: '127.0.0.1', port: 0, caFile: at('ca.pem') },
      ...{ certificateFile: at('server.pem'), keyFile: at('server.key') },
    },
    log: silent,
    onRefusedCaller: () => undefined,
    mayCall(_caller, request) {
      registry.instances.add(String(request.headers[instanceHeader]));
      registry.seen.add(fingerprintOf(request));
      if (registry.accepted.has(fingerprintOf(request))) return true;
      throw new MachineError('caller-not-allowed', 'this certificate is retired');
    },
    routes: [
      {
        method: 'POST',
        path: '/v1/runner/certificate',
        async handle({ request }) {
          const { csr } = await readJson(request, z.object({ csr: z.string() }), 8192);
          const chainPem = issue(csr, 'airlock:runner:r1', 'clientAuth');
          registry.accepted.add(new X509Certificate(chainPem).fingerprint256);
          return { status: 200, json: { chainPem, caPem: readFileSync(at('ca.pem'), 'utf8') } };
        },
      },
      {
        method: 'POST',
        path: '/v1/runner/hello',
        handle({ request }) {
          registry.accepted = new Set([fingerprintOf(request)]);
          return Promise.resolve({ status: 204 });
        },
      },
      {
        method: 'POST',
        path: '/v1/jobs/:jobId/heartbeat',
        handle: () => Promise.resolve({ status: 200, json: { cancelled: false } }),
      },
      {
        method: 'POST',
        path: '/v1/jobs/:jobId/log',
        async handle({ request, query }) {
          const bytes = await readBytes(request, 8192);
          log.push(bytes.toString());
          return { status: 200, json: { next: Number(query.get('offset')) + bytes.length } };
        },
      },
    ],
  });
});

after(async () => {
  await server.close();
  rmSync(directory, { recursive: true });
});

test('OpenSSL reads the request for a certificate and finds it signed by its own P-256 key', () => {
  const { csrPem } = makeKeyAndRequest();
  writeFileSync(at('own.csr'), csrPem);
  const text = openssl('req', '-in', at('own.csr'), '-noout', '-verify', '-text');
  assert.match(text, /prime256v1/);
  assert.match(text, /ecdsa-with-SHA256/);
});

test('five renewals by a clock that jumps, and a job’s heartbeats and log go on through each', async () => {
  const files = { caFile: at('edge-ca.pem'), identityFile: at('identity.pem') };
  writeFileSync(files.caFile, readFileSync(at('ca.pem')));
  const connection = createConnection({ url: server.url, ...files, serverIdentity });
  const { request } = connection;
  const calls = createEdgeCalls({ url: server.url, request });
  const api = createControlPlane({ url: server.url, request, identity: connection.identity });
  let now = new Date();
  const renew = () =>
    stayEnrolled({
      ...{ files, connection, calls, log: silent, signal: never },
      said: { version: '1', isolation: 'none', labels: [], once: false },
      now: () => now,
    });
  const held = { jobId: 'job', lease: 1 };
  const lease = keepLease(6, (signal) => api.heartbeat(held, signal));
  const stopped = new AbortController();
  const written: string[] = [];
  const build = (async () => {
    let offset = 0;
    while (!stopped.signal.aborted) {
      const line = `line ${written.length}\n`;
      const piece = { step: 'build', offset, bytes: [Buffer.from(line)], isEnd: false };
      offset = await api.appendLog(held, piece, never);
      written.push(line);
    }
  })();

  assert.equal(await renew(), 'not-due');
  const certificates = new Set<string>();
  for (let round = 0; round < 5; round += 1) {
    now = new Date(renewalOf(readValidity(files.identityFile, new Date())).getTime() + 1);
    assert.equal(await renew(), 'renewed');
    certificates.add(new X509Certificate(readFileSync(files.identityFile)).fingerprint256);
    assert.equal(registry.accepted.size, 1);
    now = new Date();
    assert.equal(await renew(), 'not-due');
  }
  stopped.abort();
  await build;
  lease.stop();
  connection.close();
  assert.equal(certificates.size, 5);
  assert.equal(registry.seen.size, 6);
  assert.equal(registry.instances.size, 1);
  assert.equal(lease.lost.aborted, false);
  assert.ok(written.length > 5);
  assert.deepEqual(log, written);
  assert.equal(statSync(files.identityFile).mode & 0o777, 0o600);
});

test('an identity that has ended, or is none, is refused with the way to a new one', () => {
  const late = new Date(Date.now() + 3 * 86_400_000);
  assert.throws(() => readValidity(at('identity.pem'), late), {
    code: 'configuration-refused',
    message: /ended at .*airlock runner token/,
  });
  assert.throws(() => readValidity(at('server.key'), new Date()), {
    message: /cannot be read as a key and a certificate/,
  });
});
