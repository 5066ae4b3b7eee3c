/**
 * Somebody asks to return to a release that was live on a target before. Web looks whether it can be, so that the answer
 * comes at once, and writes the wish down; intake makes the promotion of it, which people then approve or reject.
 */
import type { Id } from '@airlock/common/ids';
import type { TargetPolicy } from '@airlock/common/policy/target-policy';
import type { ReturnOrder } from '@airlock/common/promotion/document';
import { askingRoles } from '../domain/access.ts';
import type { LedgerFacts, ProvenDelivery } from '../domain/ledger-facts.ts';
import { askFault, type ReturnGround } from '../domain/return.ts';
import { personByNameId, type Person } from '../domain/roster.ts';
import { DecisionError } from './decision-error.ts';
import type { GateFiles } from './configuration-ports.ts';
import type { Transactor } from './ports.ts';
import { readReturnGround, type GroundAnswer, type GroundSources } from './return-ground.ts';
import type { ReturnOutcome, ReturnStore } from './return-ports.ts';

export type ReturnWish = {
  /** Id of the delivery, or the release's own name: then its last delivery that went live. */
  readonly to: string;
  readonly answers: ReturnOrder['migrations'];
  readonly reason: string;
};

export type EarlierReleases = {
  readonly live: ProvenDelivery | null;
  /** Every release that was live before and is not now, the last one first. */
  readonly earlier: readonly ProvenDelivery[];
};

export type Returning = {
  /** @throws DecisionError `E_TARGET_UNKNOWN`; LedgerError while no ledger can be proven. */
  earlier(target: string): Promise<EarlierReleases>;
  ground(target: string, delivery: string): Promise<GroundAnswer>;
  /** Null when there is no such wish. */
  outcome(id: string): Promise<ReturnOutcome | null>;
  /**
   * @returns what intake made of it, or `asked` when it has not answered within a few seconds.
   * @throws DecisionError `person-unknown`, `role-missing`, `reason-missing`, `E_TARGET_UNKNOWN`, `return-refused`.
   */
  ask(
    nameId: string,
    target: string,
    wish: ReturnWish,
  ): Promise<{ readonly id: string; readonly outcome: ReturnOutcome }>;
};

export type ReturningPorts = GroundSources & {
  readonly database: Transactor;
  readonly returns: Pick<ReturnStore, 'insert' | 'outcome'>;
  readonly ledger: () => Promise<LedgerFacts>;
  readonly files: () => Promise<Pick<GateFiles, 'roster' | 'targets'>>;
  readonly newReturnId: () => Id<'ret'>;
  readonly now: () => Date;
  readonly pause: (milliseconds: number) => Promise<void>;
};

const answerWithinMs = 8_000;
const lookEveryMs = 200;

export function createReturning(ports: ReturningPorts): Returning {
  const policyOf = async (target: string): Promise<TargetPolicy> => {
    const policy = (await ports.files()).targets.get(target)?.policy;
    if (policy !== undefined) return policy;
    throw new DecisionError(
      'E_TARGET_UNKNOWN',
      `The gate has no file for the target ${target}; platform puts it back.`,
    );
  };

  async function settled(id: string): Promise<ReturnOutcome> {
    for (let waited = 0; waited < answerWithinMs; waited += lookEveryMs) {
      const outcome = await ports.returns.outcome(id);
      if (outcome !== null && outcome.state !== 'asked') return outcome;
      await ports.pause(lookEveryMs);
    }
    return { state: 'asked' };
  }

  return {
    async earlier(target) {
      await policyOf(target);
      return earlierReleases(await ports.ledger(), target);
    },

    ground: async (target, delivery) =>
      readReturnGround(ports, await ports.ledger(), { target, delivery, own: null }),

    outcome: (id) => ports.returns.outcome(id),

    async ask(nameId, target, wish) {
      const policy = await policyOf(target);
      const person = await mayAsk(nameId, target, policy);
      if (wish.reason.trim() === '') {
        throw new DecisionError('reason-missing', 'Say why: whoever approves it reads it.');
      }
      const ledger = await ports.ledger();
      const ground = await groundOf(ledger, target, wish.to);
      const live = ledger.liveOn(target)?.deliveryId ?? null;
      const fault = askFault(ground, wish.answers, live);
      if (fault !== null) throw refused(fault);
      const id = ports.newReturnId();
      const { reason, answers } = wish;
      await ports.database.transaction((tx) =>
        ports.returns.insert(tx, {
          ...{ id, target, reason: reason.trim(), answers, delivery: ground.to.deliveryId },
          ...{ person: person.id, askedAt: ports.now() },
        }),
      );
      const outcome = await settled(id);
      if (outcome.state === 'refused') throw refused(outcome.refusal);
      return { id, outcome };
    },
  };

  async function mayAsk(nameId: string, target: string, policy: TargetPolicy): Promise<Person> {
    const { roster } = (await ports.files()).roster;
    const person = personByNameId(roster, nameId);
    if (person === null) {
      throw new DecisionError('person-unknown', `${nameId} is not in the gate's roster.`);
    }
    const roles = askingRoles(policy);
    if (person.roles.some((role) => roles.includes(role))) return person;
    throw new DecisionError(
      'role-missing',
      `Asking for a return of ${target} takes the role ${roles.join(' or ')}.`,
      { role: roles.join(', ') },
    );
  }

  async function groundOf(ledger: LedgerFacts, target: string, to: string): Promise<ReturnGround> {
    const { earlier } = earlierReleases(ledger, target);
    const named = earlier.find(({ deliveryId, release }) => deliveryId === to || release === to);
    if (named === undefined) {
      throw refused(
        `${JSON.stringify(to)} is no release that was live on ${target} before; the page of the target lists those that were`,
      );
    }
    const read = await readReturnGround(ports, ledger, {
      ...{ target, delivery: named.deliveryId, own: null },
    });
    if ('fault' in read) throw refused(read.fault);
    return read.ground;
  }
}

const refused = (why: string): DecisionError => new DecisionError('return-refused', `${why}.`);

/** Of a release that was live several times the last time counts: what came before that is undone. */
export function earlierReleases(
  ledger: Pick<LedgerFacts, 'deliveriesOn' | 'liveOn'>,
  target: string,
): EarlierReleases {
  const isSame = (a: ProvenDelivery, b: ProvenDelivery): boolean =>
    a.artifactDigest === b.artifactDigest && a.commit === b.commit;
  const wereLive = ledger
    .deliveriesOn(target)
    .filter(({ liveSince }) => liveSince !== null)
    .toReversed();
  const liveId = ledger.liveOn(target)?.deliveryId;
  const live = wereLive.find(({ deliveryId }) => deliveryId === liveId) ?? null;
  const earlier = wereLive.filter(
    (one, index) =>
      (live === null || !isSame(one, live)) &&
      wereLive.findIndex((other) => isSame(one, other)) === index,
  );
  return { live, earlier };
}
