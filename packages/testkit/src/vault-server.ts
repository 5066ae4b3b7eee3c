/** A real Vault or OpenBao for tests: one that runs already, or a binary of this machine in dev mode on a free port. */
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

export type RunningVault = {
  address: string;
  /** The same server with TLS, which asks for a client certificate; null when that was not wanted. */
  tlsAddress: string | null;
  rootToken: string;
  /** PEM file of the authority that its certificate comes from; left out for one on plain http. */
  caFile?: string;
  /** What its audit device has written so far stands there; null when that is not ours to read. */
  auditFile: string | null;
  stop: () => Promise<void>;
};

/** What a server shows on its TLS listener, as PEM texts. */
export type ServerIdentity = { certificatePem: string; keyPem: string };
type Start = (options?: { tls: ServerIdentity }) => Promise<RunningVault>;

/**
 * The real server that tests run on: the one at `VAULT_ADDR` with `VAULT_TEST_ROOT_TOKEN` and `VAULT_CACERT`, else the binary that
 * `AIRLOCK_OPENBAO` names, else `bao` or `vault` on PATH. Null when there is none.
 *
 * @throws Error when `AIRLOCK_OPENBAO` names no file.
 */
export function realVault(
  environment: NodeJS.ProcessEnv = process.env,
): { name: string; start: Start } | null {
  const { VAULT_ADDR: address, VAULT_TEST_ROOT_TOKEN: rootToken } = environment;
  if (address !== undefined && rootToken !== undefined) {
    const stop = () => Promise.resolve();
    const caFile = environment['VAULT_CACERT'];
    const running: RunningVault = {
      address,
      tlsAddress: null,
      rootToken,
      auditFile: null,
      stop,
      ...(caFile === undefined ? {} : { caFile }),
    };
    return { name: address, start: () => Promise.resolve(running) };
  }
  const named = environment['AIRLOCK_OPENBAO'];
  if (named !== undefined && named !== '' && !existsSync(named)) {
    throw new Error(`AIRLOCK_OPENBAO: no file ${named}; name a bao binary, or unset it`);
  }
  const binary = named === undefined || named === '' ? findVaultBinary(environment) : named;
  return binary === null
    ? null
    : { name: binary, start: (options) => startDevServer(binary, options?.tls) };
}

/** `bao`, or else `vault`, on PATH. */
export function findVaultBinary(environment: NodeJS.ProcessEnv = process.env): string | null {
  const directories = (environment['PATH'] ?? '').split(delimiter);
  const files = ['bao', 'vault'].flatMap((name) =>
    directories.map((directory) => join(directory, name)),
  );
  return files.find((file) => existsSync(file)) ?? null;
}

async function startDevServer(binary: string, tls?: ServerIdentity): Promise<RunningVault> {
  const port = await freePort();
  const address = `http://127.0.0.1:${port}`;
  const rootToken = randomBytes(12).toString('hex');
  const home = mkdtempSync(join(tmpdir(), 'airlock-vault-'));
  const auditFile = join(home, 'audit.log');
  // OpenBao takes audit devices from its configuration alone, Vault from its API alone.
  const isOpenBao = basename(binary).startsWith('bao');
  const configuration = join(home, 'server.hcl');
  const tlsPort = tls === undefined ? null : await freePort();
  writeFileSync(
    configuration,
    (isOpenBao ? `audit "file" "test" {\n  options { file_path = "${auditFile}" }\n}\n` : '') +
      (tls === undefined ? '' : tlsListener(home, tls, tlsPort ?? 0)),
  );
  const child = spawn(
    binary,
    [
      ...['server', '-dev', '-dev-no-store-token', `-dev-listen-address=127.0.0.1:${port}`],
      `-config=${configuration}`,
    ],
    {
      cwd: home,
      stdio: 'ignore',
      // The root token is not an argument: those are visible to every user of the machine.
      env: {
        HOME: home,
        PATH: process.env['PATH'],
        BAO_DEV_ROOT_TOKEN_ID: rootToken,
        VAULT_DEV_ROOT_TOKEN_ID: rootToken,
      },
    },
  );
  const failures: Error[] = [];
  const ended = new Promise<void>((resolve) => {
    child.once('exit', () => {
      resolve();
    });
    child.once('error', (error) => {
      failures.push(error);
      resolve();
    });
  });
  const stop = async () => {
    child.kill('SIGTERM');
    await ended;
    rmSync(home, { recursive: true, force: true });
  };
  for (
    let attempt = 0;
    attempt < 150 && failures.length === 0 && child.exitCode === null;
    attempt += 1
  ) {
    const health = await fetch(`${address}/v1/sys/health`).catch(() => null);
    if (health?.status === 200) {
      if (!isOpenBao) await enableAudit(address, rootToken, auditFile);
      const tlsAddress = tlsPort === null ? null : `https://127.0.0.1:${tlsPort}`;
      return { address, tlsAddress, rootToken, auditFile, stop };
    }
    await sleep(100);
  }
  await stop();
  throw new Error(`${binary} did not become healthy on ${address} within 15 s`, {
    cause: failures[0],
  });
}

function tlsListener(home: string, identity: ServerIdentity, port: number): string {
  const certificate = join(home, 'tls.pem');
  const key = join(home, 'tls.key');
  writeFileSync(certificate, identity.certificatePem);
  writeFileSync(key, identity.keyPem, { mode: 0o600 });
  return `listener "tcp" {
  address = "127.0.0.1:${port}"
  tls_cert_file = "${certificate}"
  tls_key_file = "${key}"
}
`;
}

async function enableAudit(address: string, rootToken: string, file: string): Promise<void> {
  const response = await fetch(`${address}/v1/sys/audit/test`, {
    method: 'PUT',
    headers: { 'X-Vault-Token': rootToken },
    body: JSON.stringify({ type: 'file', options: { file_path: file } }),
  });
  if (response.status !== 204) throw new Error(`sys/audit/test: status ${response.status}`);
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => {
        if (address === null || typeof address === 'string') reject(new Error('no port'));
        else resolve(address.port);
      });
    });
  });
}
