/**
 * Somebody starts a delivery, where the target file asks for a person to do so. What is kept only lets begin what approvals
 * permit: authority and deliverer judge everything else again, each for itself.
 *
 * It holds the promotion's row lock, as approvals, withdrawals and the deliverer's claim do: what was taken back before is seen
 * here, and what is taken back after is seen by the claim.
 */
import { decidingRolesOf } from '@airlock/common/policy/needed-rules';
import { awaitsStart } from '../domain/awaits-start.ts';
import { mayStart } from '../domain/manual-start.ts';
import { headline } from '../domain/sentences.ts';
import type { Verdict } from '../domain/verdict.ts';
import { personByNameId } from '../domain/roster.ts';
import { DecisionError } from './decision-error.ts';
import type { GateFiles } from './configuration-ports.ts';
import type { Recorder } from './ledger-ports.ts';
import type { Transactor } from './ports.ts';
import type { PromotionStore } from './promotion-ports.ts';
import type { StartStore } from './start-ports.ts';

/**
 * Needs a session and no passkey: those who approved signed what is delivered. The start is over with the document that it is
 * of.
 *
 * @throws DecisionError `person-unknown`, `promotion-unknown`, `E_NOT_WAITING`, `E_TARGET_UNKNOWN`, `role-missing`,
 *   `promotion-changed` for another document than the one that is named, `start-not-due` while something else is missing, or
 *   where it starts by itself.
 */
export type AskDelivery = (
  nameId: string,
  promotionId: string,
  given: { readonly promotionDigest: string },
) => Promise<void>;

export function createDeliveryAsking(ports: {
  readonly database: Transactor;
  readonly promotions: Pick<PromotionStore, 'lock'>;
  readonly starts: Pick<StartStore, 'insert'>;
  readonly recorder: Recorder;
  readonly files: () => Promise<Pick<GateFiles, 'roster' | 'targets'>>;
  readonly judge: (promotionId: string, now: Date) => Promise<Verdict | null>;
  readonly ringDeliverer: (promotionId: string) => void;
  readonly now: () => Date;
}): AskDelivery {
  const { database, promotions, starts, recorder } = ports;
  return async (nameId, promotionId, { promotionDigest }) => {
    await database.transaction(async (tx) => {
      const files = await ports.files();
      const person = personByNameId(files.roster.roster, nameId);
      if (person === null) {
        throw new DecisionError('person-unknown', `${nameId} is not in the gate's roster.`);
      }
      const promotion = await promotions.lock(tx, promotionId);
      if (promotion === null) {
        throw new DecisionError('promotion-unknown', 'There is no such promotion.');
      }
      if (promotion.state !== 'waiting') {
        throw new DecisionError(
          'E_NOT_WAITING',
          `This promotion is ${promotion.state} and no longer waits for a start.`,
        );
      }
      const policy = files.targets.get(promotion.target)?.policy;
      if (policy === undefined) {
        throw new DecisionError(
          'E_TARGET_UNKNOWN',
          `The gate has no file for ${promotion.target}; somebody of platform puts it back.`,
        );
      }
      if (!mayStart(person, policy)) {
        const roles = decidingRolesOf(policy);
        throw new DecisionError(
          'role-missing',
          `Starting a delivery to ${promotion.target} takes the role ${roles.join(' or ')}.`,
          { role: roles.join(', ') },
        );
      }
      if (promotion.promotionDigest !== promotionDigest) {
        throw new DecisionError(
          'promotion-changed',
          'The promotion changed since you looked at it; load it again and read what is new.',
        );
      }
      const at = ports.now();
      const verdict = await ports.judge(promotionId, at);
      if (verdict === null || !awaitsStart(verdict)) throw notDue(verdict);
      await starts.insert(tx, promotionId, { promotionDigest, person: person.id, at });
      await recorder.record(tx, {
        ...{ type: 'delivery.asked', at, actor: `person:${person.id}` },
        subjectDigest: promotionDigest,
        refs: { promotion: promotion.id, target: promotion.target, release: promotion.release },
      });
    });
    ports.ringDeliverer(promotionId);
  };
}

function notDue(verdict: Verdict | null): DecisionError {
  if (verdict === null || verdict.allowed) {
    return new DecisionError(
      'start-not-due',
      'It waits for nobody to start it: it starts by itself.',
    );
  }
  return new DecisionError('start-not-due', `It cannot start yet. ${headline(verdict).text}`);
}
