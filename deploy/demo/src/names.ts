/** Names that the parts of the demo's installation agree on. */
import { join } from 'node:path';
import type { VaultTarget } from '@airlock/cli/vault/targets';

export const root = join(import.meta.dirname, '../../..');

/** The demo's one target, its "production" database and the names that Vault knows it by. */
export const target = 'prod-eu';
export const production = { database: 'shop', appOwner: 'shop_owner', vaultAdmin: 'vault_shop' };
export interface VaultNames {
  readonly login: Pick<VaultTarget, 'jwtMount' | 'jwtRole' | 'reads'>;
  readonly policyName: string;
  readonly reaperRole: string;
}
/** @param prefix empty, or what keeps this installation apart at a Vault that others use too. */
export const vaultNames = (prefix: string): VaultNames => ({
  login: {
    jwtMount: `${prefix}jwt-${target}`,
    jwtRole: 'delivery',
    reads: [{ as: 'db', kind: 'database', mount: `${prefix}database`, role: `shop-${target}` }],
  },
  policyName: `${prefix}${target}`,
  reaperRole: `${prefix}airlock-reaper`,
});
export const issuer = 'https://gate.demo.airlock.example/authority';

export const processNames = [
  'nonprod-web',
  'nonprod-scheduler',
  'nonprod-outbox',
  'signer',
  'runner',
  'gate-intake',
  'gate-web',
  'gate-authority',
  'gate-deliverer',
  'gate-watchdog',
  'rebuilder',
] as const;
export type ProcessName = (typeof processNames)[number];

/** Where the build puts each process, below `dist/`. */
export const bundleOf: Record<ProcessName, string> = {
  'nonprod-web': 'nonprod/web.mjs',
  'nonprod-scheduler': 'nonprod/scheduler.mjs',
  'nonprod-outbox': 'nonprod/outbox.mjs',
  signer: 'signer/signer.mjs',
  runner: 'runner/agent.mjs',
  'gate-intake': 'prod-gate/intake.mjs',
  'gate-web': 'prod-gate/web.mjs',
  'gate-authority': 'prod-gate/authority.mjs',
  'gate-deliverer': 'prod-gate/deliverer.mjs',
  'gate-watchdog': 'prod-gate/watchdog.mjs',
  rebuilder: 'rebuilder/rebuilder.mjs',
};

/** Makes the machine a runner; not a process of the pair, and gone when it is done. */
export const runnerBundle = 'runner/airlock-runner.mjs';

export interface Origins {
  readonly nonprod: string;
  readonly gate: string;
}

/** The builder of the demo's second team: other administrators, other keys, no door into nonprod. */
export const rebuilder = {
  id: 'https://audit.demo.airlock.example/rebuilder@v1',
  adminDomain: 'audit',
  identity: 'airlock:rebuilder:audit',
};

export const buildersOf = (origins: Origins): { main: string; pr: string } => ({
  main: `${origins.nonprod}/builders/main@v1`,
  pr: `${origins.nonprod}/builders/pr@v1`,
});
