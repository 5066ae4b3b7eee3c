/**
 * Which servers the contract suite runs on: the stand-in always, as the server that it imitates by default or as each that
 * `AIRLOCK_CONTRACT_PROFILES` lists; and a real one where there is one.
 */
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type RunningVault as StartedVault,
  type ServerIdentity,
  realVault,
} from '@airlock/testkit/vault-server';
import { createSteeredClock } from '@airlock/vault-double/clock';
import { type ProfileName, profiles } from '@airlock/vault-double/profile';
import { startVaultDouble } from '@airlock/vault-double/server';

export type RunningVault = StartedVault & {
  /** The server's time of day, in milliseconds. */
  now(): number;
  /** Waits on a real server; the stand-in's clock is moved on. */
  passSeconds(seconds: number): Promise<void>;
};
export type VaultServer = {
  name: string;
  isDouble: boolean;
  /** @param options.tls makes it listen with TLS as well. */
  start(options?: { tls: ServerIdentity }): Promise<RunningVault>;
};

const defaultProfile: ProfileName = 'openbao-2.6';

/** Groups are called `… on ${server.name}`; the command that prints the table relies on it. */
export function vaultServers(): VaultServer[] {
  const doubles = chosenProfiles().map((profile) => ({
    name: profile === defaultProfile ? 'double' : `double as ${profile}`,
    isDouble: true,
    start: (options?: { tls: ServerIdentity }) => startDouble(profile, options?.tls),
  }));
  const real = realVault();
  if (real === null) return doubles;
  const start = async (options?: { tls: ServerIdentity }) => ({
    ...(await real.start(options)),
    now: () => Date.now(),
    passSeconds: (seconds: number) => sleep(seconds * 1000),
  });
  return [...doubles, { name: real.name, isDouble: false, start }];
}

function chosenProfiles(): ProfileName[] {
  const listed = process.env['AIRLOCK_CONTRACT_PROFILES'];
  if (listed === undefined || listed === '') return [defaultProfile];
  return listed.split(',').map((name) => {
    if (name === 'vault-1.8' || name === 'vault-1.2x' || name === 'openbao-2.6') return name;
    throw new Error(
      `AIRLOCK_CONTRACT_PROFILES: no profile ${name}; profiles are ${Object.keys(profiles).join(', ')}`,
    );
  });
}

async function startDouble(profile: ProfileName, tls?: ServerIdentity): Promise<RunningVault> {
  const rootToken = randomBytes(12).toString('hex');
  const home = mkdtempSync(join(tmpdir(), 'airlock-vault-double-'));
  const auditFile = join(home, 'audit.log');
  const clock = createSteeredClock();
  const double = await startVaultDouble({
    host: '127.0.0.1',
    port: 0,
    rootToken,
    profile,
    audit: auditFile,
    clock,
    ...(tls === undefined ? {} : { tls: { port: 0, ...tls } }),
  });
  return {
    now: () => clock.now(),
    passSeconds: (seconds) => clock.advance(seconds * 1000),
    address: double.address,
    tlsAddress: double.tlsAddress,
    rootToken,
    auditFile,
    async stop() {
      await double.stop();
      rmSync(home, { recursive: true, force: true });
    },
  };
}
