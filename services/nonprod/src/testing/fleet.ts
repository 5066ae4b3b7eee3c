/** For tests: an authority, a registry on a test database, and runners that came in as any other does. */
import { randomBytes } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import 'reflect-metadata';
import { Pkcs10CertificateRequestGenerator } from '@peculiar/x509';
import {
  createIntermediateAuthority,
  createRootAuthority,
  issueCertificate,
} from '@airlock/cli/setup/pki';
import { instanceHeader, type RunnerKind } from '@airlock/common/wire/runner-enrolment';
import { openPool } from '@airlock/database/pool';
import { createLog } from '@airlock/process/log';
import { createPoolStore } from '../adapters/postgres/pool-store.ts';
import { openRunnerAuthority } from '../adapters/runner-edge/authority.ts';
import { createFleet, type RunnerKeeping } from '../runner-keeping.ts';
import type { TestDatabase } from './database.ts';
import { newId } from './fixtures.ts';
import {
  machineClient,
  writeTlsFiles,
  type MachineClient,
  type TlsFiles,
} from './machine-client.ts';

export const runnerServerIdentity = 'airlock:nonprod:runner-api';
const silent = createLog('test');
for (const level of ['debug', 'info', 'warn', 'error'] as const) silent[level] = () => undefined;

export interface TestFleet extends RunnerKeeping {
  /** The runner API's own certificate, with the CA of its callers. */
  readonly server: TlsFiles;
  /** Enrols a runner; a pool that is not there is made, of trust 0. */
  enrolled(
    runner: string,
    pool?: string,
    kind?: RunnerKind,
    networks?: readonly string[],
  ): Promise<TlsFiles>;
  /** A caller with those files, as one process of the runner. */
  client(url: string, files: TlsFiles, instance?: string, localAddress?: string): MachineClient;
  /** The same, after its hello. */
  running(url: string, files: TlsFiles, instance?: string): Promise<MachineClient>;
  /** A certificate of the right authority that stands in no registry. */
  signed(uriSan: string): Promise<TlsFiles>;
  close(): Promise<void>;
}

export const hello = { version: 'test', isolation: 'bubblewrap', labels: [], once: true };

export async function testFleet(
  database: TestDatabase,
  directory: string,
  change: { readonly lifetimeMs?: number; readonly clock?: () => Date } = {},
): Promise<TestFleet> {
  const { lifetimeMs = 86_400_000, clock = () => new Date() } = change;
  await mkdir(directory, { recursive: true });
  const root = await createRootAuthority('runner-edge');
  const online = await createIntermediateAuthority({ root, name: 'runner-edge online', days: 365 });
  const server = await writeTlsFiles(
    directory,
    'server',
    root,
    await issueCertificate({
      ...{ ca: root, uriSan: runnerServerIdentity, usage: 'server', days: 1 },
      ...{ dnsNames: ['localhost'], ipAddresses: ['127.0.0.1'] },
    }),
  );
  const authorityFiles = await writeTlsFiles(directory, 'online', root, online);
  const authority = await openRunnerAuthority({ ...authorityFiles, lifetimeMs });
  const pool = openPool(database.connectionOf('nonprod_web'));
  const pools = createPoolStore(database.as('nonprod_web'));
  const fleet = createFleet({
    ...{ authority, pool, pools, newId, clock, log: silent },
    url: 'https://127.0.0.1:1',
    acceptByToken: [],
  });

  const client: TestFleet['client'] = (
    url,
    files,
    instance = randomBytes(16).toString('hex'),
    localAddress = '127.0.0.1',
  ) =>
    machineClient(url, files, runnerServerIdentity, {
      headers: { [instanceHeader]: instance },
      localAddress,
    });

  return {
    ...fleet,
    join: { url: 'https://127.0.0.1:2', serverKey: 'A'.repeat(43) },
    server,
    client,

    async enrolled(runner, named = 'default', kind = 'lasting', networks = []) {
      await ensurePool(database, named);
      const { secret } = await fleet.enrol.token({ pool: named, kind, runner, networks }, 'pat');
      const { keyPem, csrPem } = await certificateRequest();
      const [address = '127.0.0.1'] = networks[0]?.split('/') ?? [];
      const { id } = await fleet.enrol.enrol({ token: secret, csr: csrPem, address });
      const accepted = await fleet.enrol.accept(id, 'pat');
      if (accepted.state !== 'accepted') throw new Error(`${runner} is ${accepted.state}`);
      return writeTlsFiles(join(directory, id), 'client', root, {
        certificatePem: accepted.issued.chainPem,
        keyPem,
      });
    },

    async running(url, files, instance) {
      const made = client(url, files, instance);
      const { status } = await made.call('POST', '/v1/runner/hello', hello);
      if (status !== 204) throw new Error(`hello was answered with ${status}`);
      return made;
    },

    async signed(uriSan) {
      const issued = await issueCertificate({
        ...{ ca: online, uriSan, usage: 'client', days: 1 },
        ...{ dnsNames: [], ipAddresses: [] },
      });
      const certificatePem = `${issued.certificatePem}${online.certificatePem}`;
      const made = { certificatePem, keyPem: issued.keyPem };
      return writeTlsFiles(join(directory, newId('enr')), 'client', root, made);
    },

    close: () => pool.end(),
  };
}

/** Made by another library than the runner's own, so that the tests do not agree with themselves. */
export async function certificateRequest(): Promise<{ keyPem: string; csrPem: string }> {
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
  const keys = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const request = await Pkcs10CertificateRequestGenerator.create({
    ...{ name: 'CN=ignored', keys, signingAlgorithm: algorithm },
  });
  const der = Buffer.from(await crypto.subtle.exportKey('pkcs8', keys.privateKey));
  const keyPem = `-----BEGIN PRIVATE KEY-----\n${der.toString('base64')}\n-----END PRIVATE KEY-----\n`;
  return { keyPem, csrPem: request.toString('pem') };
}

export async function ensurePool(
  database: TestDatabase,
  name: string,
  change: { readonly once?: boolean; readonly trust?: 0 | 1 | 2 | 3 } = {},
): Promise<void> {
  const { once = false, trust = 0 } = change;
  const reuse = trust === 0 && !once ? 'a test' : null;
  await createPoolStore(database.as('nonprod_web')).save(
    {
      ...{ name, trust, once, reuse, isolation: 'bubblewrap', labels: {}, repositories: [] },
      images: [{ glob: '**', digest: null, plugin: false }],
      ...{ everyone: trust === 0, concurrency: null, egress: null },
    },
    0,
    'pat',
  );
}
