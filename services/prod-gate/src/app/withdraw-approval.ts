/**
 * An approver takes an approval back. It holds the promotion's row lock, as approvals, rejections and starts do: whichever
 * is first under it, the others see. So no delivery begins beside a withdrawal that was confirmed, and none is confirmed
 * that came too late.
 */
import { createHash } from 'node:crypto';
import { promotionInWords } from '../domain/promotion.ts';
import { personByNameId } from '../domain/roster.ts';
import { DecisionError } from './decision-error.ts';
import type { NewsOutbox } from './notification-ports.ts';
import type { ApprovalStore } from './approval-ports.ts';
import type { GateFiles } from './configuration-ports.ts';
import type { Recorder } from './ledger-ports.ts';
import type { Transactor } from './ports.ts';
import type { PromotionStore } from './promotion-ports.ts';

/**
 * Needs a session and no passkey: saying no must be cheap, and nobody's delivery begins by it. Whoever withdrew may approve
 * again.
 *
 * @throws DecisionError `person-unknown`, `promotion-unknown`, `E_NOT_WAITING` once the delivery has begun or the promotion
 *   has ended, `nothing-to-withdraw`.
 */
export type Withdraw = (
  nameId: string,
  promotionId: string,
  given: {
    /** Shown to the others; may be empty. */
    readonly reason: string;
  },
) => Promise<{ approvalId: string }>;

export function createWithdrawal(ports: {
  readonly database: Transactor;
  readonly promotions: Pick<PromotionStore, 'lock'>;
  readonly approvals: Pick<ApprovalStore, 'of' | 'withdraw'>;
  readonly recorder: Recorder;
  readonly news: NewsOutbox;
  readonly files: () => Promise<Pick<GateFiles, 'roster'>>;
  readonly now: () => Date;
}): Withdraw {
  const { database, promotions, approvals, recorder, news } = ports;
  return async (nameId, promotionId, { reason }) => {
    const { roster } = (await ports.files()).roster;
    const person = personByNameId(roster, nameId);
    if (person === null) {
      throw new DecisionError('person-unknown', `${nameId} is not in the gate's roster.`);
    }
    return database.transaction(async (tx) => {
      const promotion = await promotions.lock(tx, promotionId);
      if (promotion === null) {
        throw new DecisionError('promotion-unknown', 'There is no such promotion.');
      }
      if (promotion.state !== 'waiting') {
        throw new DecisionError(
          'E_NOT_WAITING',
          `This promotion is ${promotion.state}: an approval can be withdrawn until the delivery begins.`,
        );
      }
      const mine = (await approvals.of(promotionId)).find(
        (approval) =>
          approval.person === person.id &&
          approval.decision === 'approve' &&
          approval.promotionDigest === promotion.promotionDigest &&
          approval.withdrawn === null,
      );
      if (mine === undefined || mine.signed === null) {
        throw new DecisionError(
          'nothing-to-withdraw',
          'No approval of yours stands on this promotion as it is now.',
        );
      }
      const at = ports.now();
      await approvals.withdraw(tx, {
        approvalId: mine.id,
        promotionId,
        person: person.id,
        reason,
        at,
      });
      await recorder.record(tx, {
        type: 'approval.withdrawn',
        at,
        actor: `person:${person.id}`,
        subjectDigest: promotion.promotionDigest,
        refs: {
          promotion: promotion.id,
          approval: mine.id,
          statement: createHash('sha256').update(mine.signed.statement).digest('hex'),
        },
      });
      await news.tell(tx, {
        ...{ id: `${mine.id}:withdrawn`, thread: promotion.id, type: 'promotion.withdrawn' },
        title: `${person.name} withdrew the approval of ${promotionInWords(promotion)}`,
        lines: reason === '' ? [] : [reason],
        ...{ path: `/promotions/${promotion.id}`, target: promotion.target },
        ...{ actor: person.id, at },
      });
      return { approvalId: mine.id };
    });
  };
}
