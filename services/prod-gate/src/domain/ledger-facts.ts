/**
 * What the ledger says is so, folded from its entries from the first to the last: what is live where, which heads main had
 * and since when, which repositories are frozen. A row of Postgres can be changed; an entry cannot, and none can be left out.
 */
import { createHash } from 'node:crypto';
import type { LedgerEntry } from '@airlock/common/ledger/entry';

/** The last delivery to a target that succeeded. */
export type ProvenRelease = {
  readonly target: string;
  readonly deliveryId: string;
  readonly promotionId: string;
  readonly release: string;
  readonly artifactDigest: string;
  readonly commit: string;
  readonly mainPosition: number;
  readonly since: Date;
};

export type SeenHead = { readonly commit: string; readonly position: number; readonly at: Date };

export type LedgerFacts = {
  liveOn(target: string): ProvenRelease | null;
  /** Heads of main at this place or further on, in the order in which they were seen. */
  headsFrom(repository: string, position: number): readonly SeenHead[];
  frozenSince(repository: string): Date | null;
};

export type LedgerFold = LedgerFacts & {
  /** Entries in the order of the ledger, each once. */
  apply(entry: LedgerEntry): void;
};

/** Whether an entry with these bytes can be of interest, so that the others need no parsing. */
export function isFolded(body: Buffer): boolean {
  return /^\{"v":1,"type":"(?:delivery\.(?:intent|finished)|git\.head|repository\.[a-z]+)"/.test(
    body.toString('latin1', 0, 64),
  );
}

export const repositoryDigest = (repository: string): string =>
  createHash('sha256').update(repository).digest('hex');

export function createLedgerFold(): LedgerFold {
  const intents = new Map<string, Intent>();
  const live = new Map<string, ProvenRelease>();
  const heads = new Map<string, SeenHead[]>();
  const frozen = new Map<string, Date>();
  return {
    liveOn: (target) => live.get(target) ?? null,
    headsFrom: (repository, position) =>
      (heads.get(repositoryDigest(repository)) ?? []).filter((head) => head.position >= position),
    frozenSince: (repository) => frozen.get(repositoryDigest(repository)) ?? null,
    apply({ type, at, refs }) {
      const { repository, delivery } = refs;
      if (type === 'delivery.intent') {
        const intent = intentIn(refs);
        if (intent !== null) intents.set(intent.deliveryId, intent);
      }
      if (type === 'delivery.finished' && delivery !== undefined) {
        const intent = intents.get(delivery);
        intents.delete(delivery);
        if (intent !== undefined && refs['state'] === 'succeeded') {
          live.set(intent.target, { ...intent, since: new Date(at) });
        }
      }
      if (repository === undefined) return;
      if (type === 'git.head') {
        const { commit, position } = refs;
        if (commit === undefined || position === undefined) return;
        const seen = heads.get(repository) ?? [];
        seen.push({ commit, position: Number(position), at: new Date(at) });
        heads.set(repository, seen);
      }
      if (type === 'repository.frozen') frozen.set(repository, new Date(at));
      if (type === 'repository.released') frozen.delete(repository);
    },
  };
}

type Intent = Omit<ProvenRelease, 'since'>;

/** What a delivery set out to bring, as the deliverer had verified it in that moment. */
function intentIn(refs: LedgerEntry['refs']): Intent | null {
  const { target, delivery, promotion, release, artifact, commit, position } = refs;
  if (
    target === undefined ||
    delivery === undefined ||
    promotion === undefined ||
    release === undefined ||
    artifact === undefined ||
    commit === undefined ||
    position === undefined
  ) {
    return null;
  }
  return {
    target,
    deliveryId: delivery,
    promotionId: promotion,
    release,
    artifactDigest: artifact,
    commit,
    mainPosition: Number(position),
  };
}
