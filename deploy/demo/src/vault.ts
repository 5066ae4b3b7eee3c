/** The secrets engine of the demo: the server at VAULT_ADDR, else `bao` or `vault` in dev mode, else the stand-in. */
import { spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { openSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { findBinary } from '@airlock/testkit/system-packages';
import { startVaultDouble } from '@airlock/vault-double/server';
import { vaultNames, type VaultNames } from './names.ts';
import { writePrivate, type Keys } from './provision.ts';

export interface Vault {
  readonly kind: string;
  readonly address: string;
  /** For set-up, and in a file for drills when it is the demo's own; no process of ours is given it. */
  readonly rootToken: string;
  /** Whether others use it too and it goes on after the demo. */
  readonly isShared: boolean;
  /** What its audit device writes; null for a server that was there before. */
  readonly auditFile: string | null;
  stop(): Promise<void>;
}

/** The same at every start of one installation, whose waiting promotions name them. */
export function vaultNamesFor(
  { isShared }: Vault,
  { authority }: Pick<Keys, 'authority'>,
): VaultNames {
  const own = createHash('sha256').update(authority.publicKeyPem).digest('hex').slice(0, 6);
  return vaultNames(isShared ? `demo-${own}-` : '');
}

export async function startVault({
  port,
  directory,
}: {
  port: number;
  directory: string;
}): Promise<Vault> {
  const tokenFile = join(directory, 'keys/vault-root-token');
  // Of an earlier start, when a Vault of the demo's own ran.
  rmSync(tokenFile, { force: true });
  const given = process.env['VAULT_ADDR'];
  if (given !== undefined && given !== '') {
    const rootToken = process.env['VAULT_TOKEN'];
    if (rootToken === undefined || rootToken === '') {
      throw new Error(
        'VAULT_ADDR is set and VAULT_TOKEN is not: the demo needs a token that may make mounts and policies. Set it, or unset VAULT_ADDR.',
      );
    }
    return {
      kind: 'VAULT_ADDR',
      address: given,
      rootToken,
      isShared: true,
      auditFile: null,
      stop: () => Promise.resolve(),
    };
  }
  const rootToken = randomBytes(16).toString('hex');
  writePrivate(tokenFile, rootToken);
  const auditFile = join(directory, 'logs', 'vault-audit.log');
  for (const name of ['bao', 'vault']) {
    const binary = findBinary({ debian: name, binaries: [name] });
    if (binary !== null)
      return startDevServer({
        name,
        binary,
        port,
        rootToken,
        auditFile,
        logFile: join(directory, 'logs', `${name}.log`),
      });
  }
  const double = await startVaultDouble({
    host: '127.0.0.1',
    port,
    rootToken,
    audit: auditFile,
  });
  return {
    kind: 'stand-in',
    address: double.address,
    rootToken,
    isShared: false,
    auditFile,
    stop: () => double.stop(),
  };
}

async function startDevServer(given: {
  name: string;
  binary: string;
  port: number;
  rootToken: string;
  auditFile: string;
  logFile: string;
}): Promise<Vault> {
  const log = openSync(given.logFile, 'a', 0o600);
  const address = `http://127.0.0.1:${given.port}`;
  // OpenBao takes audit devices from its configuration alone, Vault by its API alone.
  const device = { type: 'file', path: 'file', options: { file_path: given.auditFile } };
  const configFile = join(dirname(given.logFile), `${given.name}.json`);
  const isOpenBao = given.name === 'bao';
  writeFileSync(configFile, JSON.stringify(isOpenBao ? { audit: [device] } : {}));
  const child = spawn(
    given.binary,
    [
      'server',
      '-dev',
      '-dev-no-store-token',
      `-dev-listen-address=127.0.0.1:${given.port}`,
      `-config=${configFile}`,
    ],
    {
      stdio: ['ignore', log, log],
      // The root token is not an argument: those are visible to every user of the machine.
      env: {
        PATH: process.env['PATH'] ?? '',
        HOME: '/nonexistent',
        BAO_DEV_ROOT_TOKEN_ID: given.rootToken,
        VAULT_DEV_ROOT_TOKEN_ID: given.rootToken,
      },
    },
  );
  const end = new Promise<void>((resolve) => {
    child.on('close', () => {
      resolve();
    });
  });
  for (let attempt = 0; attempt < 100; attempt += 1) {
    if (child.exitCode !== null)
      throw new Error(`${given.name} ended before it answered; its output: ${given.logFile}`);
    const ready = await fetch(`${address}/v1/sys/health`).then(
      ({ status }) => status === 200,
      () => false,
    );
    if (ready) {
      if (!isOpenBao) {
        await fetch(`${address}/v1/sys/audit/file`, {
          method: 'PUT',
          headers: { 'X-Vault-Token': given.rootToken },
          body: JSON.stringify(device),
        });
      }
      return {
        isShared: false,
        kind: `${given.name} in dev mode`,
        address,
        rootToken: given.rootToken,
        auditFile: given.auditFile,
        async stop() {
          child.kill('SIGTERM');
          await end;
        },
      };
    }
    await delay(100);
  }
  child.kill('SIGKILL');
  throw new Error(`${given.name} did not answer within 10 s; its output: ${given.logFile}`);
}
