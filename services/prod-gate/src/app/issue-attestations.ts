/**
 * What the gate says to others over its own signature: a verification summary (SLSA VSA) for every promotion that passed its
 * machine checks or was refused, and a statement for every delivery that is over.
 *
 * The authority issues them because it believes no row: a summary says PASSED when its own judgement of the bundle passes,
 * and a delivery statement says what proven entries of the ledger say. Each is kept, and told to the ledger, in one
 * transaction; what a crash left out is issued in the next pass.
 */
import { AirlockError } from '@airlock/common/errors';
import { sha256Hex } from '@airlock/common/encoding/hex';
import type { Subject } from '@airlock/common/intoto/statement';
import type { TargetPolicy } from '@airlock/common/policy/target-policy';
import { verificationSummaryStatement } from '@airlock/common/slsa/vsa';
import type { Promotion } from '../domain/promotion.ts';
import type { PromotionFacts } from '../domain/verdict.ts';
import type { Attestation, AttestationSigner, AttestationStore } from './attestation-ports.ts';
import { rebuiltFor } from './gather-facts.ts';
import { stateDelivery, type DeliverySources } from './state-delivery.ts';
import type { GateFiles } from './configuration-ports.ts';
import type { IntakeItem } from './intake-ports.ts';
import type { Recorder } from './ledger-ports.ts';
import { StoreError, type Transactor } from './ports.ts';
import type { PromotionStore } from './promotion-ports.ts';
import type { RebuildStore } from './rebuild-ports.ts';

export type AttestDependencies = {
  /** Origin of the gate. */
  gate: string;
  version: string;
  transactor: Transactor;
  recorder: Recorder;
  attestations: AttestationStore;
  promotions: Pick<PromotionStore, 'find' | 'evidence'>;
  rebuilds: Pick<RebuildStore, 'of'>;
  files(): Promise<GateFiles>;
  /** The authority's own facts; what they say of the bundle was verified from its bytes. */
  judge(question: { promotionId: string; now: Date }): Promise<PromotionFacts | null>;
  deliveries: DeliverySources;
  signer: AttestationSigner;
  onEvent: (event: AttestEvent) => void;
  clock: () => Date;
};

export type AttestEvent =
  | { readonly name: 'issued'; readonly attestation: Attestation }
  | { readonly name: 'held-back'; readonly about: string; readonly reason: string };

/** Work of one pass; what is left waits a second. */
const batch = 64;
/** The last lines of a delivery's log are written after its end. */
const settleMs = 1_000;
/** Pauses before something that could not be attested is looked at again: 1 s, doubling up to 60 s. */
const longestPauseMs = 60_000;

/** What a signed checkpoint or another process still has to do is done after a few tries. */
const toldAfter = 4;

/** One thing cannot be attested yet, or not at all. */
class HeldBack extends AirlockError<'held-back'> {
  constructor(message: string) {
    super('held-back', message);
  }
}

/** @returns a pass over all that lacks an attestation; what cannot be attested holds up nothing behind it. */
export function createAttester(dependencies: AttestDependencies): { pass(): Promise<void> } {
  const { attestations, clock } = dependencies;
  const waiting = new Map<string, { at: number; tries: number; reason: string }>();

  async function each<Item>(
    items: readonly Item[],
    nameOf: (item: Item) => string,
    work: (item: Item) => Promise<void>,
  ): Promise<void> {
    for (const item of items) {
      const about = nameOf(item);
      const before = waiting.get(about);
      if (before !== undefined && before.at > clock().getTime()) continue;
      try {
        await work(item);
        waiting.delete(about);
      } catch (cause) {
        // Unreachable databases and the like end the pass; the loop tells of them.
        if (!(cause instanceof AirlockError)) throw cause;
        const tries = (before?.tries ?? 0) + 1;
        const pause = Math.min(1_000 * 2 ** (tries - 1), longestPauseMs);
        const reason = `${cause.code}: ${cause.message}`;
        waiting.set(about, { at: clock().getTime() + pause, tries, reason });
        // Told once when it does not pass by itself, and again when there is another reason.
        if (tries === toldAfter || (tries > toldAfter && before?.reason !== reason)) {
          dependencies.onEvent({ name: 'held-back', about, reason });
        }
      }
    }
  }

  return {
    async pass() {
      const same = (id: string): string => id;
      await each(await attestations.promotionsWithoutSummary(batch), same, (id) =>
        summarise(dependencies, id),
      );
      await each(await attestations.refusedWithoutSummary(batch), aboutItem, (item) =>
        summariseRefused(dependencies, item),
      );
      const ended = new Date(clock().getTime() - settleMs);
      await each(await attestations.deliveriesWithoutStatement(ended, batch), same, (id) =>
        attestDelivery(dependencies, id),
      );
    },
  };
}

async function attestDelivery(dependencies: AttestDependencies, id: string): Promise<void> {
  const { deliveries, attestations } = dependencies;
  const delivery = await deliveries.deliveries.find(id);
  const promotion =
    delivery === null ? null : await dependencies.promotions.find(delivery.promotionId);
  if (delivery === null || promotion === null) throw new HeldBack('no such delivery');
  let summary = await attestations.summaryOf(promotion.id, promotion.policyDigest);
  if (summary === null) {
    // A delivery that was faster than this loop.
    await summarise(dependencies, promotion.id);
    summary = await attestations.summaryOf(promotion.id, promotion.policyDigest);
  }
  if (summary === null) throw new HeldBack('its promotion has no summary that passed');
  const stated = await stateDelivery(deliveries, { delivery, promotion, summary: summary.digest });
  if ('notYet' in stated) throw new HeldBack(stated.notYet);
  await issue(dependencies, stated.statement, {
    kind: 'delivery',
    about: delivery.id,
    policyDigest: promotion.policyDigest,
    result: null,
    refs: {
      delivery: delivery.id,
      promotion: promotion.id,
      target: delivery.target,
      state: stated.outcome,
    },
  });
}

/** @throws HeldBack while it cannot be said whether it passes. */
async function summarise(dependencies: AttestDependencies, id: string): Promise<void> {
  const { promotions, attestations, gate, clock } = dependencies;
  const now = clock();
  const [promotion, evidence, facts] = await Promise.all([
    promotions.find(id),
    promotions.evidence(id),
    dependencies.judge({ promotionId: id, now }),
  ]);
  if (promotion === null || evidence === null || facts === null) {
    throw new HeldBack('no such promotion');
  }
  const fault = faultOf(facts);
  const agreeing = (facts.builders.count?.agreeing ?? []).map(({ builderId }) => builderId);
  const rebuilds =
    agreeing.length === 0 ? [] : await dependencies.rebuilds.of(rebuiltFor(promotion));
  if (fault === 'not-yet')
    throw new HeldBack('the ledger, the configuration, its artifact or a builder is not there yet');
  if (fault === null && facts.changed.policy) {
    throw new HeldBack('the target file changed; it is summed up under the new one');
  }
  if (fault !== null && (await attestations.hasFailed(id, promotion.policyDigest))) {
    throw new HeldBack(fault);
  }
  const target = (await dependencies.files()).targets.get(promotion.target);
  // Read once more since it was judged by, so it must be the very file whose demands were met.
  if (fault === null && target?.digest !== promotion.policyDigest) {
    throw new HeldBack('the target file changed while it was judged');
  }
  const statement = verificationSummaryStatement({
    gate,
    target: promotion.target,
    subject: subjectOf(promotion),
    policy: promotion.policyDigest,
    inputs: [
      ...envelopeDigests(evidence.bundle),
      ...rebuilds
        .filter(({ builderId }) => agreeing.includes(builderId))
        .map(({ envelope }) => sha256Hex(envelope)),
    ],
    timeVerified: now.toISOString(),
    levels: fault === null ? levelsOf(facts, target?.policy) : null,
    version: dependencies.version,
  });
  const result = fault === null ? 'PASSED' : 'FAILED';
  await issue(dependencies, statement, {
    kind: 'vsa',
    about: id,
    policyDigest: promotion.policyDigest,
    result,
    refs: {
      promotion: id,
      target: promotion.target,
      result,
      ...(fault === null ? {} : { code: fault }),
    },
  });
  if (fault !== null) throw new HeldBack(fault);
}

/** Null when everything that a machine checks holds. */
function faultOf(facts: PromotionFacts): string | null {
  const { ledgerFault, configurationFault, artifactPresent } = facts;
  if (ledgerFault !== null || configurationFault !== null || !artifactPresent) return 'not-yet';
  // Without a target file or a mirror nothing was verified.
  if (facts.bundle === null) return 'E_TARGET';
  if (!facts.bundle.ok) return facts.bundle.code;
  // The row says something else than the signed bytes.
  if (facts.changed.fields.length > 0) return 'E_PROMOTION_CHANGED';
  const { need, count } = facts.builders;
  if (count === null) return 'not-yet';
  if (count.differing.length > 0) return 'E_REBUILD_DIFFERS';
  return count.have < need ? 'not-yet' : null;
}

/** One SLSA level, and what the gate itself demanded and found. */
function levelsOf({ builders }: PromotionFacts, policy: TargetPolicy | undefined): string[] {
  const [admits] = policy?.admits ?? [];
  return [
    'SLSA_BUILD_LEVEL_2',
    'AIRLOCK_SOURCE_ON_MAIN',
    ...(admits?.signedCommits === 'required' ? ['AIRLOCK_SOURCE_SIGNED'] : []),
    // The authority derived the plan from its own mirror, and the builder says that it ran this one.
    'AIRLOCK_PLAN_REDERIVED',
    // With 1 the bytes rest on one builder.
    `AIRLOCK_BUILDERS_${builders.count?.have ?? 1}`,
  ];
}

/** Of what was refused nothing is known to be true, and the summary says so: it failed. */
async function summariseRefused(dependencies: AttestDependencies, item: IntakeItem): Promise<void> {
  const { gate, clock } = dependencies;
  const target = (await dependencies.files()).targets.get(item.claimedTarget);
  const statement = verificationSummaryStatement({
    gate,
    target: item.claimedTarget,
    subject: { name: target?.policy.admits[0]?.subject ?? 'artifact', sha256: item.artifactDigest },
    policy: target?.digest ?? null,
    inputs: [item.bundleDigest],
    timeVerified: clock().toISOString(),
    levels: null,
    version: dependencies.version,
  });
  await issue(dependencies, statement, {
    kind: 'vsa',
    about: aboutItem(item),
    policyDigest: target?.digest ?? null,
    result: 'FAILED',
    refs: {
      item: item.itemHash,
      target: item.claimedTarget,
      result: 'FAILED',
      ...(item.code === null ? {} : { code: item.code }),
    },
  });
}

/** As the store knows a refused item. */
export const aboutItem = ({ source, seq }: Pick<IntakeItem, 'source' | 'seq'>): string =>
  `${source}/${seq}`;

async function issue(
  { signer, transactor, recorder, attestations, onEvent, clock }: AttestDependencies,
  statement: Buffer,
  given: Pick<Attestation, 'kind' | 'about' | 'policyDigest' | 'result'> & {
    readonly refs: Readonly<Record<string, string>>;
  },
): Promise<void> {
  const { refs, ...facts } = given;
  const issuedAt = clock();
  const digest = sha256Hex(statement);
  const attestation = { ...facts, digest, envelope: signer.sign(statement), issuedAt };
  try {
    await transactor.transaction(async (tx) => {
      await attestations.insert(tx, attestation);
      await recorder.record(tx, {
        type: 'attestation.issued',
        at: issuedAt,
        actor: 'authority',
        subjectDigest: digest,
        refs: { kind: facts.kind, ...refs },
      });
    });
  } catch (cause) {
    // Another authority was faster.
    if (cause instanceof StoreError && cause.code === 'already-attested') return;
    throw cause;
  }
  onEvent({ name: 'issued', attestation });
}

const subjectOf = (promotion: Promotion): Subject => ({
  name: promotion.subjectName,
  sha256: promotion.artifactDigest,
});

/** SHA-256 of every envelope in the bundle: the kernel read all of them. */
function envelopeDigests(bundle: Buffer): string[] {
  return bundle
    .toString('utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => sha256Hex(Buffer.from(line)));
}
