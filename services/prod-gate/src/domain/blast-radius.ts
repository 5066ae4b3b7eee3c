/** Everything that rests on one matter: what of it is live, what waits, on what evidence, and what to do about it. */
import type { MatterKind } from './matter.ts';
import type { ListedPromotion } from './promotion.ts';
import { unknownValue, type TraceKind } from './trace.ts';

/**
 * Beside the traces of a promotion: who approved it, which builder made the same bytes again (with its key), and that main had
 * the commit already where the release was made.
 */
export type FoundKind = TraceKind | 'approver' | 'rebuilder' | 'contained';

/** Why one promotion was found. */
export type Found = {
  readonly promotionId: string;
  /** When the gate took it in; of an approval or a rebuild, when that came. */
  readonly at: Date;
  readonly kind: FoundKind;
  readonly value: string;
};

/** proven: by a signature or by the gate's own git. claimed: the builder says so. not-said: it cannot be ruled out. */
export type Basis = 'proven' | 'claimed' | 'not-said';

export type Evidence = { readonly basis: Basis; readonly text: string };

export type Advice = 'return' | 'end' | 'quarantine' | 'held' | 'look' | 'nothing';

export type Touched = {
  readonly promotion: ListedPromotion;
  readonly delivery: {
    readonly id: string;
    readonly state: string;
    readonly startedAt: Date;
    readonly finishedAt: Date | null;
  } | null;
  readonly isLive: boolean;
  readonly why: readonly Evidence[];
  /** True where nothing but silence speaks against it. */
  readonly isOnlyPossible: boolean;
  /** Ids of the stops in force that hold it for this matter. */
  readonly heldBy: readonly string[];
  readonly advice: Advice;
};

export const adviceText: Readonly<Record<Advice, string>> = {
  return: 'Live now: return to an earlier release that is not listed here, or deliver one.',
  end: 'Being delivered now: a quarantine ends it and revokes its credentials.',
  quarantine: 'Waits: a quarantine keeps it from being delivered.',
  held: 'Waits, and a quarantine holds it.',
  look: 'Its hook ran and did not succeed: look at what it left on the target.',
  nothing: 'Not live: nothing to do, and a return to it would bring it back.',
};

const claimed: ReadonlySet<FoundKind> = new Set(['runner', 'image', 'requester']);

export function evidenceOf({ kind, value }: Pick<Found, 'kind' | 'value'>): Evidence {
  if (value === unknownValue) return { basis: 'not-said', text: unsaid[kind] ?? '' };
  return { basis: claimed.has(kind) ? 'claimed' : 'proven', text: said[kind](value) };
}

const said: Readonly<Record<FoundKind, (value: string) => string>> = {
  key: (value) => `its provenance is signed with key ${value}`,
  builder: (value) => `built by ${value}`,
  artifact: () => 'it is this artifact',
  commit: () => 'it is the release of this commit',
  change: () => 'it brings this commit',
  contained: () => 'main had this commit where the release was made',
  runner: (value) => `its builder says that runner ${value} built it`,
  image: () => 'its builder says that the steps ran on this image',
  requester: (value) => `${value} asked for it`,
  email: (value) => `${value} wrote or committed some of what it changes`,
  approver: (value) => `${value} approved it`,
  rebuilder: (value) => `${value} built it again and vouches for the bytes`,
  package: (value) => `a lockfile of its commit locks ${value}`,
};

const unsaid: Partial<Readonly<Record<FoundKind, string>>> = {
  runner: 'its builder does not say which runner built it',
  image: 'its builder does not say on which image its steps ran',
  change: 'it brings more commits than the gate lists',
  package: 'a lockfile of its commit was not or could not be read',
};

export type Held = { readonly id: string; readonly holds: (promotion: ListedPromotion) => boolean };

/** Live ones first, then what is being delivered, then what waits, then the newest. */
export function blastRadius(given: {
  readonly found: readonly Found[];
  readonly promotions: readonly ListedPromotion[];
  /** By promotion id. */
  readonly deliveries: ReadonlyMap<string, NonNullable<Touched['delivery']>>;
  /** Ids of the promotions that are live now. */
  readonly live: ReadonlySet<string>;
  readonly quarantines: readonly Held[];
}): Touched[] {
  const { promotions, deliveries, live } = given;
  const byPromotion = Map.groupBy(given.found, ({ promotionId }) => promotionId);
  const touched = promotions.flatMap((promotion): Touched[] => {
    const found = byPromotion.get(promotion.id);
    if (found === undefined) return [];
    // That main had it says nothing new where the release itself brings it.
    const brings = found.some(({ kind, value }) => kind !== 'contained' && value !== unknownValue);
    const why = found.filter(({ kind }) => !brings || kind !== 'contained').map(evidenceOf);
    const isLive = live.has(promotion.id);
    const heldBy = given.quarantines.filter(({ holds }) => holds(promotion)).map(({ id }) => id);
    return [
      {
        ...{ promotion, isLive, why, heldBy },
        delivery: deliveries.get(promotion.id) ?? null,
        isOnlyPossible: why.every(({ basis }) => basis === 'not-said'),
        advice: adviceFor(promotion, isLive, heldBy.length > 0),
      },
    ];
  });
  return touched.sort(
    (one, other) =>
      urgency(one) - urgency(other) ||
      other.promotion.admittedAt.getTime() - one.promotion.admittedAt.getTime() ||
      (one.promotion.id < other.promotion.id ? 1 : -1),
  );
}

function adviceFor(
  { state }: Pick<ListedPromotion, 'state'>,
  isLive: boolean,
  isHeld: boolean,
): Advice {
  if (isLive) return 'return';
  switch (state) {
    case 'delivering':
      return 'end';
    case 'waiting':
      return isHeld ? 'held' : 'quarantine';
    case 'failed':
    case 'indeterminate':
      return 'look';
    case 'live':
    case 'expired':
    case 'superseded':
    case 'rejected':
      return 'nothing';
  }
}

const urgency = ({ isLive, promotion: { state } }: Touched): number =>
  isLive ? 0 : state === 'delivering' ? 1 : state === 'waiting' ? 2 : 3;

/** What else to ask, because the answer is only as good as who gave it; in words, null where nothing. */
export const doubtOf: Readonly<Record<MatterKind, string | null>> = {
  key: null,
  builder:
    'A builder is who holds its keys: where one of them was stolen, ask for the key as well.',
  runner:
    'Which runner built is the builder’s word. If it may have been taken over itself, ask for the keys that signed what is listed here: a signature cannot be talked away.',
  image:
    'Which image steps ran on is the builder’s word. If it may have been taken over itself, ask for its keys.',
  commit: 'What contains the commit may also take it back: look at the changes.',
  artifact: null,
  package: 'Lockfiles are read in the gate’s own git. What is not in a lockfile is not seen.',
  person:
    'Found by the addresses and the sign-in of the roster: a commit under another name is not seen.',
};
