/** What the ledger says of credentials, for the comparison with what Vault says. */
import type { LedgerEntry } from '@airlock/common/ledger/entry';

export type RecordedCredential = {
  /** Number of the entry in the ledger. */
  readonly index: number;
  readonly at: Date;
  readonly delivery: string;
  readonly session: string;
  readonly target: string;
  /** SHA-256 of Vault's lease id; null for a credential without a lease. */
  readonly lease: string | null;
  /** Kind of the credential; null in entries that were written when there was one kind. */
  readonly kind: string | null;
  /** How it ends, such as `revocable` or `ttl-only`. */
  readonly ending: string;
  /** The name that the target file gives it, or the database role in those entries. */
  readonly name: string;
};

type Recorded = Pick<RecordedCredential, 'index' | 'at' | 'delivery' | 'session' | 'target'>;

export type CredentialEntries = {
  /** Adds one entry; those about other things only move the ledger's end. */
  add(index: number, entry: LedgerEntry): void;
  readonly requested: ReadonlyMap<string, Recorded>;
  readonly issued: readonly RecordedCredential[];
  /** By session. */
  readonly revoked: ReadonlyMap<string, Recorded>;
  /** By delivery. */
  readonly finished: ReadonlyMap<string, { readonly at: Date; readonly actor: string }>;
  /** Time of the last entry; null for an empty ledger. */
  end(): Date | null;
};

export function createCredentialEntries(): CredentialEntries {
  const requested = new Map<string, Recorded>();
  const issued: RecordedCredential[] = [];
  const revoked = new Map<string, Recorded>();
  const finished = new Map<string, { at: Date; actor: string }>();
  let end: Date | null = null;
  return {
    requested,
    issued,
    revoked,
    finished,
    end: () => end,
    add(index, { type, at: time, actor, refs }) {
      const at = new Date(time);
      if (end === null || at > end) end = at;
      const recorded: Recorded = {
        index,
        at,
        delivery: refs['delivery'] ?? '',
        session: refs['session'] ?? '',
        target: refs['target'] ?? '',
      };
      if (type === 'credential.requested') requested.set(recorded.delivery, recorded);
      if (type === 'credential.revoked') revoked.set(recorded.session, recorded);
      if (type === 'delivery.finished') finished.set(recorded.delivery, { at, actor });
      if (type === 'credential.issued') {
        issued.push({
          ...recorded,
          lease: refs['lease'] ?? null,
          kind: refs['kind'] ?? null,
          ending: refs['ending'] ?? 'revocable',
          name: refs['as'] ?? refs['role'] ?? '',
        });
      }
    },
  };
}
