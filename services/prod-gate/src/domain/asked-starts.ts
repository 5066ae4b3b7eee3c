/**
 * Which starts that people gave (`deliver.start: manual`) still hold, by the ledger alone: a row that web or the owner of the
 * database writes starts nothing, and no start outlives a stop, a freeze of its repository or an approval that is taken back.
 */
import type { LedgerEvent } from './incident.ts';
import type { Promotion } from './promotion.ts';
import { excepts, type KnownStop } from './stop.ts';

/** What ended a start by the ledger: a stop of its target or of its repository, or an approval that was taken back. */
export type StartEnd = 'stop' | 'withdrawal';

export type AskedStart = {
  /** Roster id, as web said it. */
  readonly person: string;
  readonly at: Date;
  /** Null while it holds. */
  readonly endedBy: StartEnd | null;
};

export type StartQuestion = {
  readonly promotion: Pick<Promotion, 'id' | 'target' | 'promotionDigest'>;
  /** As the ledger names it, `repositoryDigest` of ledger-facts.ts. */
  readonly repository: string;
  /** The delivery that is judged: what came after its intent takes back no start that it began with. Null before there is one. */
  readonly deliveryId: string | null;
};

export type StartFold = {
  /** Every start of this document, in the order of the ledger. */
  readonly of: (question: StartQuestion) => readonly AskedStart[];
  apply(event: LedgerEvent): void;
  stopped(stop: KnownStop, index: number): void;
};

type Asked = {
  readonly person: string;
  readonly at: Date;
  readonly index: number;
  /** The last entry that was known to who judged that nothing else was missing. */
  readonly seen: number;
};

export function createStartFold(): StartFold {
  const asked = new Map<string, Asked[]>();
  const intents = new Map<string, number>();
  const stops: { readonly index: number; readonly stop: KnownStop }[] = [];
  const withdrawals = new Map<string, number[]>();
  /** By repository; the empty name stands for all of them. */
  const freezes = new Map<string, number[]>();

  return {
    of({ promotion, repository, deliveryId }) {
      const { promotionDigest, target } = promotion;
      const asOf = (deliveryId === null ? null : intents.get(deliveryId)) ?? Infinity;
      const between = (after: number) => (index: number) => after < index && index < asOf;
      return (asked.get(promotionDigest) ?? [])
        .filter(({ index }) => index < asOf)
        .map(({ person, at, seen }) => {
          const isSince = between(seen);
          const isStopped =
            stops.some(
              ({ index, stop }) =>
                isSince(index) &&
                (stop.targets.length === 0 || stop.targets.includes(target)) &&
                !excepts(stop, promotion),
            ) || [repository, ''].some((name) => (freezes.get(name) ?? []).some(isSince));
          const isWithdrawn = (withdrawals.get(promotionDigest) ?? []).some(isSince);
          return { person, at, endedBy: isStopped ? 'stop' : isWithdrawn ? 'withdrawal' : null };
        });
    },

    apply({ index, entry }) {
      const { type, at, actor, subjectDigest, refs } = entry;
      const known = (list: Map<string, number[]>, name: string): void => {
        list.set(name, [...(list.get(name) ?? []), index]);
      };
      switch (type) {
        case 'delivery.asked': {
          const person = /^person:(.+)$/.exec(actor)?.[1];
          const seen = /^\d{1,15}$/.test(refs['seen'] ?? '') ? Number(refs['seen']) : null;
          // Without them nobody knows whose it is, or what came between the judgement and the entry.
          if (person === undefined || seen === null) return;
          const start = { person, at: new Date(at), index, seen: Math.min(seen, index) };
          asked.set(subjectDigest, [...(asked.get(subjectDigest) ?? []), start]);
          return;
        }
        case 'approval.withdrawn':
          known(withdrawals, subjectDigest);
          return;
        case 'repository.frozen':
          known(freezes, refs['repository'] ?? '');
          return;
        case 'ledger.contradicted':
          known(freezes, '');
          return;
        case 'delivery.intent': {
          const id = refs['delivery'];
          // The first one: what it began with is not said anew afterwards.
          if (id !== undefined && !intents.has(id)) intents.set(id, index);
          return;
        }
        default:
          return;
      }
    },

    stopped(stop, index) {
      stops.push({ index, stop });
    },
  };
}
