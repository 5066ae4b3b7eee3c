/** What the readers of all kinds share: how Vault is asked, and what every answer is held against. */
import type { VaultClient } from '../client.ts';

export type Ask = {
  readonly client: VaultClient;
  /** Below `/v1/`. */
  readonly path: string;
  /** Longest life to ask for where the engine lets the caller say, in seconds. */
  readonly lifeSeconds: number;
  /** What lives are counted from, once the answer is there. */
  readonly now: () => Date;
  readonly signal: AbortSignal | undefined;
};

const longestHolder = 200;

/** A name as pages, logs and the ledger can carry it, whatever an engine put into it. */
export function holderFrom(text: string): string {
  return text.replaceAll(/[^\x20-\x7e]/g, '?').slice(0, longestHolder);
}

/** Whole seconds from `now` until then, and 0 for the past. */
export function secondsUntil(end: Date, now: Date): number {
  return Math.max(0, Math.ceil((end.getTime() - now.getTime()) / 1000));
}

/** As the field of a credential: absent when there is nothing to say. */
export function faultFrom(faults: readonly string[]): { fault?: string } {
  return faults.length === 0 ? {} : { fault: faults.join('; ') };
}

/** What the watchdog sweeps and lists is the read path; a lease that is kept elsewhere would be missed there. */
export function leaseFaults(path: string, leaseId: string): string[] {
  return leaseId.startsWith(`${path}/`)
    ? []
    : [
        `Vault keeps the lease of ${path} at another path, where nothing sweeps it; talk to Vault itself, not through a proxy that renames paths`,
      ];
}
