/**
 * What the ledger says is so, folded from its entries from the first to the last: what is live where, which heads main had
 * and since when, which repositories are frozen. A row of Postgres can be changed; an entry cannot, and none can be left out.
 */
import { createHash } from 'node:crypto';
import type { LedgerEntry } from '@airlock/common/ledger/entry';
import type { WaiverKind } from '@airlock/common/promotion/waiver';
import type { KnownManifest } from '@airlock/common/trust/configuration-manifest';
import { createStartFold, type AskedStart, type StartQuestion } from './asked-starts.ts';
import { createAnnouncementFold } from './cooling.ts';
import { createEnrolmentFold, type KnownEnrolment } from '@airlock/common/approval/enrolments';
import { createIncidentFold, type Incident, type LedgerEvent } from './incident.ts';
import { momentIn } from './moment.ts';
import { freezeFor, stricterOf, useOfEntry, waiverKindOf, type WaiverUse } from './waiver.ts';
import { stopOfEntry, type KnownStop } from './stop.ts';

/** The last delivery to a target that succeeded and for which the authority had minted a login. */
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

/** What a delivery set out to bring, as the deliverer said before it asked for a login. */
export type ProvenIntent = Omit<ProvenRelease, 'since'> & {
  /** Of the document whose approvals carry it. */
  readonly promotionDigest: string;
  /** Id of the interrupted delivery whose place it takes; null for the first one. */
  readonly repeats: string | null;
};

/** A delivery that was begun, and since when its release was live; null where it never came so far. */
export type ProvenDelivery = ProvenIntent & { readonly liveSince: Date | null };

export type LedgerFacts = {
  liveOn(target: string): ProvenRelease | null;
  /** Every delivery that was begun on the target, the oldest first. */
  deliveriesOn(target: string): readonly ProvenDelivery[];
  /** The first intent of a delivery; null where there is none that says everything. */
  intentOf(deliveryId: string): ProvenIntent | null;
  /** Whether it has begun, has not ended and the authority has never minted a login for it. */
  awaitsLogin(deliveryId: string): boolean;
  /**
   * Whether it was the first of its promotion, ended while its hook ran with nobody knowing what that did, and the watchdog has
   * proven its credentials gone.
   */
  wasInterrupted(deliveryId: string): boolean;
  /** Until when the last credential of a delivery lives that no revocation ends; null where none of it ends so. */
  livesUntil(deliveryId: string): CredentialEnd | null;
  /** Ids of all deliveries that were ever begun under the approvals of this document. */
  deliveriesUnder(promotionDigest: string): readonly string[];
  /** The configuration with the highest number; null before the first. */
  newestConfiguration(): KnownManifest | null;
  wasInForce(manifestDigest: string): boolean;
  /** Ids of the keys that signed a configuration after this moment, or ever (null). */
  configurationSigners(since: Date | null): readonly string[];
  /** Heads of main at this place or further on, in the order in which they were seen. */
  headsFrom(repository: string, position: number): readonly SeenHead[];
  frozenSince(repository: string): Date | null;
  /** Whether an approval with this statement (SHA-256, hex) was taken back; each statement is good for one approval. */
  isWithdrawn(statementDigest: string): boolean;
  /** An enrolment by its digest; null where the ledger has none. */
  enrolment(digest: string): KnownEnrolment | null;
  /** As `AnnouncementFold` of domain/cooling.ts says. */
  announcedAt(promotionDigest: string, repository: string): Date | null;
  /** As `StartFold` of domain/asked-starts.ts says. */
  starts(question: StartQuestion): readonly AskedStart[];
  /** Where the last entry stands that these facts are made of; 0 before the first. */
  through(): number;
  /** Every stop that was placed and not lifted, also those whose time is over. */
  stops(): readonly KnownStop[];
  isLifted(stopId: string): boolean;
  /** What was placed under this id, lifted or not; null when nothing was. */
  placedAs(stopId: string): KnownStop | null;
  /** What came of a stop, also of one that is over; null where none was placed under this id. */
  incidentOf(stopId: string): Incident | null;
  /** Every delivery by break-glass or outside its windows, oldest first, as the authority recorded it before the delivery had a login. */
  waiverUses(): readonly WaiverUse[];
};

export type LedgerFold = LedgerFacts & {
  /** Entries in the order of the ledger, each once. @param index where it stands. */
  apply(entry: LedgerEntry, index: number): void;
};

/** Whether an entry with these bytes can be of interest, so that the others need no parsing. */
export function isFolded(body: Buffer): boolean {
  return /^\{"v":1,"type":"(?:delivery\.(?:asked|intent|finished|announced)|credential\.(?:requested|issued|revoked)|hook\.(?:started|finished)|git\.head|ledger\.contradicted|configuration\.changed|repository\.[a-z]+|approval\.(?:recorded|withdrawn)|passkey\.[a-z]+|stop\.[a-z]+|(?:break-glass|override)\.(?:used|reviewed|unreviewed))"/.test(
    body.toString('latin1', 0, 64),
  );
}

export const repositoryDigest = (repository: string): string =>
  createHash('sha256').update(repository).digest('hex');

/** `unknown`: the ledger says no time, or one that is none, so that it may live however late it is. */
export type CredentialEnd = Date | 'unknown';

type Begun = {
  readonly intent: ProvenIntent;
  state: 'begun' | 'minted' | 'over';
  hook: 'none' | 'started' | 'finished';
  isRevoked: boolean;
  /** Its state in the entry of its end. */
  end: string | null;
  liveSince: Date | null;
  livesUntil: CredentialEnd | null;
};

/** Subject of the entry that tells of a head of main. */
export const headDigest = (repository: string, commit: string): string =>
  createHash('sha256').update(`${repository} ${commit}`).digest('hex');

export function createLedgerFold(): LedgerFold {
  const begun = new Map<string, Begun>();
  const deliveries = new Map<string, string[]>();
  const targets = new Map<string, Begun[]>();
  const live = new Map<string, ProvenRelease>();
  const heads = new Map<string, SeenHead[]>();
  const frozen = new Map<string, Date>();
  const configurations = new Set<string>();
  const withdrawn = new Set<string>();
  const stops = new Map<string, KnownStop>();
  const lifted = new Set<string>();
  const announcements = createAnnouncementFold();
  const starts = createStartFold();
  let through = 0;
  const incidents = createIncidentFold();
  const enrolments = createEnrolmentFold();
  const uses = new Map<string, WaiverUse>();
  const useKey = (kind: WaiverKind, deliveryId: string, digest: string): string =>
    `${kind} ${deliveryId} ${digest}`;
  const signatures: { at: number; signers: readonly string[] }[] = [];
  let newest: KnownManifest | null = null;

  function applyDelivery({ type, at, subjectDigest, refs }: LedgerEntry, id: string): void {
    const known = begun.get(id);
    if (type === 'delivery.intent') {
      deliveries.set(subjectDigest, [...(deliveries.get(subjectDigest) ?? []), id]);
      const intent = intentIn(refs, subjectDigest);
      // The first one: what the authority held against the approvals is not said anew afterwards.
      if (intent !== null && known === undefined) {
        const first: Begun = {
          ...{ intent, state: 'begun', hook: 'none', isRevoked: false },
          ...{ end: null, liveSince: null, livesUntil: null },
        };
        begun.set(id, first);
        const onTarget = targets.get(intent.target) ?? [];
        onTarget.push(first);
        targets.set(intent.target, onTarget);
      }
    }
    if (type === 'hook.started' && known?.hook === 'none') known.hook = 'started';
    if (type === 'hook.finished' && known !== undefined) known.hook = 'finished';
    if (type === 'credential.revoked' && known !== undefined) known.isRevoked = true;
    if (type === 'credential.issued' && known !== undefined) {
      known.livesUntil = laterOf(known.livesUntil, ownEndOf(refs));
    }
    // The authority's own word. Without it the deliverer alone would say what is live.
    if (type === 'credential.requested' && known?.state === 'begun') known.state = 'minted';
    if (type === 'delivery.finished' && known !== undefined) {
      const isLive = known.state === 'minted' && refs['state'] === 'succeeded';
      // Only its first end counts.
      known.state = 'over';
      known.end ??= refs['state'] ?? '';
      if (!isLive) return;
      known.liveSince = new Date(at);
      live.set(known.intent.target, { ...known.intent, since: known.liveSince });
    }
  }

  function placeStop(event: LedgerEvent): void {
    const stop = stopOfEntry(event.entry);
    // The first one: nobody makes a stop milder by recording it again.
    if (stop === null || stops.has(stop.id)) return;
    stops.set(stop.id, stop);
    hold(stop, event);
  }

  /** What was announced or started before is announced and started anew. */
  function hold(stop: KnownStop, event: LedgerEvent): void {
    announcements.stopped(stop);
    starts.stopped(stop, event.index);
    incidents.placed(stop, event);
  }

  function liftStop(event: LedgerEvent): void {
    const { refs, subjectDigest } = event.entry;
    const stop = stops.get(refs['stop'] ?? '');
    // A lift of what was never placed must not make room for a stop that is placed later.
    if (stop?.digest !== subjectDigest) return;
    lifted.add(stop.id);
    incidents.lifted(stop.id, event);
  }

  /** Of what was recorded twice the stricter counts: nobody makes a review due later, or fewer, by recording it first or again. */
  function owe(use: WaiverUse): void {
    const key = useKey(use.kind, use.deliveryId, use.promotionDigest);
    const known = uses.get(key);
    uses.set(key, known === undefined ? use : stricterOf(known, use));
  }

  function review(kind: WaiverKind, { at, refs, subjectDigest }: LedgerEntry): void {
    const key = useKey(kind, refs['delivery'] ?? '', subjectDigest);
    const use = uses.get(key);
    if (use === undefined || use.reviewed !== null) return;
    const people = (refs['people'] ?? '').split(' ').filter((id) => id !== '');
    uses.set(key, { ...use, reviewed: { at: new Date(at), people } });
  }

  /** The watchdog's own word, which takes the place of whatever somebody else placed or had lifted under that id before. */
  function freezeUnreviewed(kind: WaiverKind, event: LedgerEvent): void {
    const { refs, subjectDigest } = event.entry;
    const key = useKey(kind, refs['delivery'] ?? '', subjectDigest);
    const use = uses.get(key);
    if (use === undefined || use.isFrozen || use.reviewed !== null) return;
    uses.set(key, { ...use, isFrozen: true });
    const stop = { ...freezeFor(use), reason: null };
    stops.set(stop.id, stop);
    lifted.delete(stop.id);
    hold(stop, event);
  }

  return {
    liveOn: (target) => live.get(target) ?? null,
    deliveriesOn: (target) =>
      (targets.get(target) ?? []).map(({ intent, liveSince }) => ({ ...intent, liveSince })),
    intentOf: (deliveryId) => begun.get(deliveryId)?.intent ?? null,
    awaitsLogin: (deliveryId) => begun.get(deliveryId)?.state === 'begun',
    wasInterrupted(deliveryId) {
      const known = begun.get(deliveryId);
      return (
        known?.intent.repeats === null &&
        known.hook === 'started' &&
        known.isRevoked &&
        known.end === 'indeterminate'
      );
    },
    livesUntil: (deliveryId) => begun.get(deliveryId)?.livesUntil ?? null,
    deliveriesUnder: (promotionDigest) => deliveries.get(promotionDigest) ?? [],
    newestConfiguration: () => newest,
    wasInForce: (manifestDigest) => configurations.has(manifestDigest),
    configurationSigners: (since) => [
      ...new Set(
        signatures
          .filter(({ at }) => since === null || at > since.getTime())
          .flatMap(({ signers }) => signers),
      ),
    ],
    headsFrom: (repository, position) =>
      (heads.get(repositoryDigest(repository)) ?? []).filter((head) => head.position >= position),
    frozenSince: (repository) => frozen.get(repositoryDigest(repository)) ?? null,
    isWithdrawn: (statementDigest) => withdrawn.has(statementDigest),
    enrolment: enrolments.of,
    announcedAt: announcements.announcedAt,
    starts: starts.of,
    through: () => through,
    stops: () => [...stops.values()].filter(({ id }) => !lifted.has(id)),
    isLifted: (id) => lifted.has(id),
    placedAs: (id) => stops.get(id) ?? null,
    incidentOf: (id) => incidents.of(id),
    waiverUses: () => [...uses.values()],
    apply(entry, index) {
      const event = { index, entry };
      const { type, at, refs, subjectDigest } = entry;
      const { repository, delivery } = refs;
      if (delivery !== undefined) applyDelivery(entry, delivery);
      through = index;
      announcements.apply(entry);
      starts.apply(event);
      enrolments.apply(entry);
      incidents.apply(event);
      if (type === 'stop.placed') placeStop(event);
      if (type === 'stop.lifted') liftStop(event);
      const use = useOfEntry(entry);
      if (use !== null) owe(use);
      const reviewed = waiverKindOf(type, 'reviewed');
      if (reviewed !== null) review(reviewed, entry);
      const unreviewed = waiverKindOf(type, 'unreviewed');
      if (unreviewed !== null) freezeUnreviewed(unreviewed, event);
      if (type === 'configuration.changed') {
        const serial = countIn(refs['serial']);
        if (serial === null) return;
        configurations.add(subjectDigest);
        signatures.push({ at: Date.parse(at), signers: signersIn(refs) });
        // An entry of a lower number than one before it brings nothing back.
        if (newest === null || serial > newest.serial) newest = { serial, digest: subjectDigest };
      }
      if (type === 'approval.withdrawn' && refs['statement'] !== undefined) {
        withdrawn.add(refs['statement']);
      }
      if (repository === undefined) return;
      if (type === 'git.head') {
        const { commit } = refs;
        const position = countIn(refs['position']);
        if (commit === undefined || position === null) return;
        const seen = heads.get(repository) ?? [];
        seen.push({ commit, position, at: new Date(at) });
        heads.set(repository, seen);
      }
      if (type === 'repository.frozen') frozen.set(repository, new Date(at));
      if (type === 'repository.released') frozen.delete(repository);
    },
  };
}

/** When a credential ends that only time ends; null for one that is revoked, or that somebody replaces by hand. */
function ownEndOf({ ending, diesAt }: LedgerEntry['refs']): CredentialEnd | null {
  return ending === 'ttl-only' ? (momentIn(diesAt) ?? 'unknown') : null;
}

function laterOf(one: CredentialEnd | null, other: CredentialEnd | null): CredentialEnd | null {
  if (one === null || other === null) return one ?? other;
  if (one === 'unknown' || other === 'unknown') return 'unknown';
  return one > other ? one : other;
}

/** `signer1`, `signer2` and so on. */
function signersIn(refs: LedgerEntry['refs']): string[] {
  return Object.entries(refs).flatMap(([name, keyid]) =>
    /^signer[1-9]\d*$/.test(name) ? [keyid] : [],
  );
}

function intentIn(refs: LedgerEntry['refs'], promotionDigest: string): ProvenIntent | null {
  const { target, delivery, promotion, release, artifact, commit, repeats = null } = refs;
  const position = countIn(refs['position']);
  if (
    target === undefined ||
    delivery === undefined ||
    promotion === undefined ||
    release === undefined ||
    artifact === undefined ||
    commit === undefined ||
    position === null
  ) {
    return null;
  }
  return {
    target,
    deliveryId: delivery,
    promotionId: promotion,
    promotionDigest,
    release,
    artifactDigest: artifact,
    commit,
    mainPosition: position,
    repeats,
  };
}

/** Null for anything but a whole number above 0: compared with NaN, nothing would be older than what is live. */
function countIn(text: string | undefined): number | null {
  return text !== undefined && /^[1-9]\d{0,14}$/.test(text) ? Number(text) : null;
}
