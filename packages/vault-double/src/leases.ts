/**
 * What Vault gave out and will take back: database roles and login tokens alike. A lease whose undoing fails is tried again
 * after 20·2^n seconds, half of that more or less, six times in all, and then stays as irrevocable, as Vault's own expiration
 * manager does.
 */
import type { Clock } from './clock.ts';

const mostAttempts = 6;

export type Lease = {
  readonly id: string;
  /** The path that gave it out, such as `database/creds/deploy`. */
  readonly path: string;
  /** The token whose end ends this lease; null for the lease of a token itself. */
  readonly tokenId: string | null;
  readonly renewable: boolean;
  readonly issuedAt: number;
  expiresAt: number;
  irrevocable: boolean;
  /** Why the last try to undo it failed; null when none did. */
  failure: string | null;
  attempts: number;
  readonly undo: () => Promise<void>;
  cancelTimer: () => void;
  undoing: Promise<void> | null;
};

export type Leases = ReturnType<typeof createLeases>;

export function createLeases({
  clock,
  isSealed,
  random,
}: {
  clock: Clock;
  isSealed: () => boolean;
  /** From 0 up to 1: where in its range a wait lies. */
  random: () => number;
}) {
  const leases = new Map<string, Lease>();
  const underWay = new Set<Promise<void>>();

  function add(lease: {
    id: string;
    path: string;
    tokenId: string | null;
    ttlSeconds: number;
    renewable: boolean;
    undo: () => Promise<void>;
  }): Lease {
    const issuedAt = clock.now();
    const entry: Lease = {
      ...lease,
      issuedAt,
      expiresAt: issuedAt + lease.ttlSeconds * 1000,
      irrevocable: false,
      failure: null,
      attempts: 0,
      cancelTimer: () => {},
      undoing: null,
    };
    leases.set(entry.id, entry);
    entry.cancelTimer = clock.at(entry.expiresAt, () => attempt(entry));
    return entry;
  }

  /** Undoes now. @throws what undoing threw; the lease then stays and is not retried by this call. */
  function revoke(lease: Lease): Promise<void> {
    lease.undoing ??= lease
      .undo()
      .then(() => {
        lease.cancelTimer();
        leases.delete(lease.id);
      })
      .finally(() => {
        lease.undoing = null;
      });
    return lease.undoing;
  }

  async function attempt(lease: Lease): Promise<void> {
    if (!leases.has(lease.id) || lease.irrevocable) return;
    if (isSealed()) {
      lease.cancelTimer = clock.at(clock.now() + 500, () => attempt(lease));
      return;
    }
    lease.attempts += 1;
    try {
      await revoke(lease);
    } catch (error) {
      lease.failure = error instanceof Error ? error.message : 'unknown';
      lease.irrevocable = lease.attempts >= mostAttempts;
      if (!lease.irrevocable) {
        const wait = 20_000 * 2 ** (lease.attempts - 1) * (0.5 + random());
        lease.cancelTimer = clock.at(clock.now() + wait, () => attempt(lease));
      }
    }
  }

  /** A new end for a lease that was renewed. */
  function extend(lease: Lease, expiresAt: number): void {
    lease.cancelTimer();
    lease.expiresAt = expiresAt;
    lease.cancelTimer = clock.at(expiresAt, () => attempt(lease));
  }

  /** Ends the lease's life now and undoes it behind the caller's back, with retries. */
  function revokeLater(lease: Lease): void {
    lease.cancelTimer();
    lease.expiresAt = clock.now();
    const work = attempt(lease).finally(() => underWay.delete(work));
    underWay.add(work);
  }

  function below(prefix: string): Lease[] {
    const start = prefix.endsWith('/') ? prefix : `${prefix}/`;
    return [...leases.values()].filter((lease) => lease.id.startsWith(start));
  }

  return {
    add,
    revoke,
    revokeLater,
    extend,
    below,
    get: (id: string) => leases.get(id),
    all: () => [...leases.values()],
    ofToken: (tokenId: string) => [...leases.values()].filter((lease) => lease.tokenId === tokenId),
    /** Names directly below a prefix; a name with more below it ends in a slash. */
    names(prefix: string): string[] {
      const start = prefix.endsWith('/') ? prefix : `${prefix}/`;
      const names = below(prefix).map((lease) => {
        const rest = lease.id.slice(start.length);
        const slash = rest.indexOf('/');
        return slash === -1 ? rest : rest.slice(0, slash + 1);
      });
      return [...new Set(names)].sort();
    },
    /** Resolves when nothing that `revokeLater` began is still running. */
    async settle(): Promise<void> {
      while (underWay.size > 0) await Promise.allSettled(underWay);
    },
  };
}
