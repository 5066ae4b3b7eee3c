/**
 * Keeps waiting promotions true to the world: expires them, lets newer ones supersede older ones, and writes a new document
 * where the target file, the roster or what is live changed. Approvals of the old document then no longer count, because
 * they signed other facts.
 */
import { AirlockError } from '@airlock/common/errors';
import { parsePromotionDocument, type PromotionDocument } from '@airlock/common/promotion/document';
import { openedWaiver } from '../domain/waiver.ts';
import { membersInWords } from '../domain/document-members.ts';
import { promotionInWords, type Promotion } from '../domain/promotion.ts';
import { eachInTurn } from './each-in-turn.ts';
import { makeDocument, type MadeDocument } from './make-document.ts';
import { withArtifact, type ArtifactReader } from './read-artifact-delta.ts';
import { readDelta } from './read-delta.ts';
import { policyEditors } from '../domain/editors.ts';
import type { LedgerFacts, ProvenRelease } from '../domain/ledger-facts.ts';
import type { FollowLedger } from './follow-ledger.ts';
import type { WaiverStore } from './waiver-ports.ts';
import type { NewsOutbox } from './notification-ports.ts';
import type { GitReader } from './intake-ports.ts';
import type { Delta } from '../domain/delta.ts';
import type { ReplacedDocumentStore } from './approval-ports.ts';
import type { GateFiles } from './configuration-ports.ts';
import type { Recorder } from './ledger-ports.ts';
import { StoreError, type Transactor } from './ports.ts';
import type { PromotionStore } from './promotion-ports.ts';

export type RefreshDependencies = {
  gate: string;
  transactor: Transactor;
  promotions: Pick<
    PromotionStore,
    'inState' | 'lock' | 'setState' | 'replaceDocument' | 'evidence'
  >;
  replaced: Pick<ReplacedDocumentStore, 'insert'>;
  waivers: Pick<WaiverStore, 'of'>;
  recorder: Recorder;
  files(): Promise<GateFiles>;
  git: (repository: string) => GitReader | undefined;
  contents: ArtifactReader;
  ledger: FollowLedger;
  news: NewsOutbox;
  onChange: (change: PromotionChange) => void;
  clock: () => Date;
};

export type PromotionChange = {
  readonly promotionId: string;
  readonly target: string;
  readonly change: 'expired' | 'superseded' | 'renewed';
  readonly reason: string;
};

export async function refreshPromotions(dependencies: RefreshDependencies): Promise<void> {
  const waiting = await dependencies.promotions.inState('waiting');
  if (waiting.length === 0) return;
  const files = await dependencies.files();
  const now = dependencies.clock();
  const standing: Promotion[] = [];
  for (const promotion of waiting) {
    const newer = givesWay(promotion, files) ? newest(waiting, promotion) : undefined;
    if (promotion.expiresAt <= now) {
      await end(dependencies, promotion, 'expired', 'nobody decided in time', now);
    } else if (newer !== undefined && newer.id !== promotion.id) {
      await end(dependencies, promotion, 'superseded', `${newer.release} was asked for`, now);
    } else {
      standing.push(promotion);
    }
  }
  await eachInTurn(standing, (promotion) => renew(dependencies, promotion, files));
}

/** Of two returns one gives way everywhere; on a target that delivers every release nothing else does. */
const givesWay = ({ target, returns }: Promotion, { targets }: GateFiles): boolean =>
  returns !== null || targets.get(target)?.policy.concurrency.queue !== 'all';

/**
 * The waiting promotion of the target that is furthest on main; of two at one place, and of returns, the later admitted. A
 * return and a promotion that goes on along main leave each other alone: people decide which of them it shall be.
 */
function newest(
  waiting: readonly Promotion[],
  { target, returns }: Promotion,
): Promotion | undefined {
  const isReturn = returns !== null;
  return waiting
    .filter((other) => other.target === target && (other.returns !== null) === isReturn)
    .toSorted(
      (a, b) =>
        (isReturn ? 0 : b.mainPosition - a.mainPosition) ||
        b.admittedAt.getTime() - a.admittedAt.getTime(),
    )[0];
}

async function end(
  { transactor, promotions, news, onChange }: RefreshDependencies,
  promotion: Promotion,
  to: 'expired' | 'superseded',
  reason: string,
  at: Date,
): Promise<void> {
  const ended = await unlessItMoved(() =>
    transactor.transaction(async (tx) => {
      await promotions.lock(tx, promotion.id);
      await promotions.setState(tx, { id: promotion.id, from: 'waiting', to, reason, at });
      const ended = { id: `${promotion.id}:${to}`, type: `promotion.${to}` } as const;
      await news.tell(tx, {
        ...newsOf(promotion),
        ...ended,
        ...endedWords(promotion, to, reason),
        at,
      });
    }),
  );
  if (ended) {
    onChange({ promotionId: promotion.id, target: promotion.target, change: to, reason });
  }
}

async function renew(
  dependencies: RefreshDependencies,
  promotion: Promotion,
  files: GateFiles,
): Promise<void> {
  const { promotions, transactor, news, waivers } = dependencies;
  const asked = await waivers.of(promotion.id);
  const target = files.targets.get(promotion.target);
  // Without its target file it waits; the verdict says that the file is missing.
  if (target === undefined) return;
  const ledger = await dependencies.ledger();
  const live = ledger.liveOn(promotion.target);
  if (promotion.returns !== null && !standsOn(promotion, live)) {
    const reason = `${live?.release ?? 'nothing'} is live now, and the return was asked for from something else`;
    await end(dependencies, promotion, 'superseded', reason, dependencies.clock());
    return;
  }
  const delta = await currentDelta(dependencies, promotion, ledger);
  if (delta === null) return;
  const made = makeDocument({
    gate: dependencies.gate,
    waiver: asked === null || openedWaiver(target.policy, asked.kind) === null ? null : asked,
    facts: promotion,
    target,
    rosterDigest: files.roster.digest,
    delta,
    editors: policyEditors({
      policy: target.policy,
      roster: files.roster.roster,
      ledger,
      live,
    }).people,
  });
  if (made.promotionDigest === promotion.promotionDigest) return;
  const kept = await promotions.evidence(promotion.id);
  if (kept === null) return;
  const changed = changedMembers(kept.document, made.document);
  const reason = `changed: ${membersInWords(changed)}`;
  const at = dependencies.clock();
  const renewed = await unlessItMoved(() =>
    transactor.transaction(async (tx) => {
      const locked = await promotions.lock(tx, promotion.id);
      // Another pass was first; what it wrote is compared at the next one.
      if (locked?.promotionDigest !== promotion.promotionDigest) throw overtaken(promotion.id);
      await promotions.replaceDocument(tx, replacement(promotion, made, target, delta));
      await news.tell(tx, {
        ...newsOf(promotion),
        id: `${made.promotionDigest}:voided`,
        type: 'promotion.voided',
        title: `${promotionInWords(promotion)} is another promotion now: ${reason}`,
        lines: ['Approvals given before do not count any more; look again and decide again.'],
        at,
      });
      await dependencies.replaced.insert(tx, {
        promotionId: promotion.id,
        promotionDigest: promotion.promotionDigest,
        document: kept.document,
        changed,
        replacedBy: made.promotionDigest,
        replacedAt: at,
      });
      await dependencies.recorder.record(tx, {
        type: 'promotion.renewed',
        at,
        actor: 'intake',
        subjectDigest: promotion.promotionDigest,
        refs: {
          promotion: promotion.id,
          replacedBy: made.promotionDigest,
          changed: changed.join(', '),
        },
      });
    }),
  );
  if (renewed) {
    dependencies.onChange({
      promotionId: promotion.id,
      target: promotion.target,
      change: 'renewed',
      reason,
    });
  }
}

const newsOf = ({ id, target }: Promotion) => ({
  ...{ thread: id, path: `/promotions/${id}`, target, actor: null },
});

function endedWords(
  promotion: Promotion,
  to: 'expired' | 'superseded',
  reason: string,
): { title: string; lines: readonly string[] } {
  const what = promotionInWords(promotion);
  if (to === 'superseded') return { title: `${what} gives way: ${reason}`, lines: [] };
  return {
    title: `${what} expired: ${reason}`,
    lines: ['Whoever still wants it asks for its promotion again.'],
  };
}

/** Names of the members in which two documents of one promotion differ; `notAfter` follows from the target file. */
function changedMembers(was: Uint8Array, now: Uint8Array): string[] {
  const before = readable(was);
  // What was kept is no document of ours; the one that takes its place is.
  if (before === null) return ['document'];
  const after = parsePromotionDocument(now);
  const changed = Object.entries(after)
    .filter(([name, value]) => {
      const old: unknown = Object.entries(before).find(([each]) => each === name)?.[1];
      return JSON.stringify(old) !== JSON.stringify(value);
    })
    .map(([name]) => name);
  const causes = changed.filter((name) => name !== 'notAfter');
  return causes.length === 0 ? changed : causes;
}

function readable(document: Uint8Array): PromotionDocument | null {
  try {
    return parsePromotionDocument(document);
  } catch (cause) {
    if (cause instanceof AirlockError) return null;
    throw cause;
  }
}

const overtaken = (id: string): StoreError =>
  new StoreError('row-changed', `promotion ${id} was written anew meanwhile`);

function replacement(
  promotion: Promotion,
  made: MadeDocument,
  target: { policy: { deliver: { hook: string } }; digest: string },
  delta: Delta,
) {
  return {
    id: promotion.id,
    document: made.document,
    promotionDigest: made.promotionDigest,
    policyDigest: target.digest,
    hook: target.policy.deliver.hook,
    delta,
    expiresAt: made.expiresAt,
  };
}

function standsOn({ delta: { base } }: Promotion, live: ProvenRelease | null): boolean {
  return base?.commit === live?.commit && base?.release === live?.release;
}

/** The commits as recorded while the base stands, read anew when something else went live; null when they cannot be read. */
async function currentDelta(
  { git, contents }: RefreshDependencies,
  promotion: Promotion,
  ledger: LedgerFacts,
): Promise<Delta | null> {
  const { artifactDigest } = promotion;
  // Without its artifact it waits as it is; the verdict says that it is missing.
  if (!(await contents.has(artifactDigest))) return null;
  const live = ledger.liveOn(promotion.target);
  if (standsOn(promotion, live) && promotion.delta.details !== undefined) {
    return withArtifact(promotion.delta, contents, { live, artifactDigest });
  }
  const reader = git(promotion.repository);
  // A return that stands has its changes as they were read; one that does not has ended.
  if (reader === undefined || promotion.returns !== null) return null;
  const delta = await readDelta(reader, {
    base: live === null ? null : { commit: live.commit, release: live.release },
    commit: promotion.commit,
  });
  return delta === null ? null : withArtifact(delta, contents, { live, artifactDigest });
}

/** False when the promotion was decided on meanwhile: then there is nothing left to do here. */
async function unlessItMoved(work: () => Promise<void>): Promise<boolean> {
  try {
    await work();
    return true;
  } catch (cause) {
    if (cause instanceof StoreError && cause.code === 'row-changed') return false;
    throw cause;
  }
}
