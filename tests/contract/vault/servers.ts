/**
 * Which servers the contract suite runs on: the stand-in always; a real one when VAULT_ADDR and VAULT_TEST_ROOT_TOKEN name it,
 * or when `bao` or `vault` is on PATH, in dev mode on a free port of this machine.
 */
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startVaultDouble } from '@airlock/vault-double/server';

export type RunningVault = { address: string; rootToken: string; stop: () => Promise<void> };
export type VaultServer = { name: string; isDouble: boolean; start(): Promise<RunningVault> };

export function vaultServers(): VaultServer[] {
  const double: VaultServer = { name: 'double', isDouble: true, start: startDouble };
  const address = process.env['VAULT_ADDR'];
  const rootToken = process.env['VAULT_TEST_ROOT_TOKEN'];
  if (address !== undefined && rootToken !== undefined) {
    const running = { address, rootToken, stop: () => Promise.resolve() };
    return [double, { name: address, isDouble: false, start: () => Promise.resolve(running) }];
  }
  const binary = ['bao', 'vault'].flatMap(onPath)[0];
  if (binary === undefined) return [double];
  return [double, { name: binary, isDouble: false, start: () => startDevServer(binary) }];
}

async function startDouble(): Promise<RunningVault> {
  const rootToken = randomBytes(12).toString('hex');
  const { address, stop } = await startVaultDouble({ host: '127.0.0.1', port: 0, rootToken });
  return { address, rootToken, stop };
}

function onPath(name: string): string[] {
  return (process.env['PATH'] ?? '')
    .split(delimiter)
    .map((directory) => join(directory, name))
    .filter((file) => existsSync(file));
}

async function startDevServer(binary: string): Promise<RunningVault> {
  const port = await freePort();
  const address = `http://127.0.0.1:${port}`;
  const rootToken = randomBytes(12).toString('hex');
  const home = mkdtempSync(join(tmpdir(), 'airlock-vault-'));
  const child = spawn(
    binary,
    ['server', '-dev', '-dev-no-store-token', `-dev-listen-address=127.0.0.1:${port}`],
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
  const ended = new Promise<void>((resolve) => {
    child.once('exit', () => {
      resolve();
    });
  });
  const stop = async () => {
    child.kill('SIGTERM');
    await ended;
    rmSync(home, { recursive: true, force: true });
  };
  for (let attempt = 0; attempt < 100; attempt += 1) {
    const health = await fetch(`${address}/v1/sys/health`).catch(() => null);
    if (health?.status === 200) return { address, rootToken, stop };
    await sleep(100);
  }
  await stop();
  throw new Error(`${binary} did not become healthy on ${address} within 10 s`);
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
