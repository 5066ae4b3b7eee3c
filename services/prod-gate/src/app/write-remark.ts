/**
 * Somebody asks something about a promotion, or answers. No document, approval or version changes by it, and the ledger has
 * nothing of it: what stands there can never be taken out, and free text may have to be.
 *
 * It holds the promotion's row lock, so that none is written on what has ended and none goes beyond the most there may be.
 */
import { promotionInWords } from '../domain/promotion.ts';
import { mostRemarks, mostRemarksAnHour } from '../domain/remark.ts';
import { personByNameId } from '../domain/roster.ts';
import { DecisionError } from './decision-error.ts';
import type { GateFiles } from './configuration-ports.ts';
import type { NewsOutbox } from './notification-ports.ts';
import type { Transactor } from './ports.ts';
import type { PromotionStore } from './promotion-ports.ts';
import type { RemarkStore } from './remark-ports.ts';

const hourMs = 3_600_000;

/**
 * Needs a session and a row in the roster, and no role.
 *
 * @throws DecisionError `person-unknown`, `promotion-unknown`, `E_NOT_WAITING` once the promotion has ended, `remarks-full`,
 *   `remarks-too-many`.
 */
export type WriteRemark = (
  nameId: string,
  promotionId: string,
  given: {
    /** 1 to `longestRemark` characters. */
    readonly text: string;
  },
) => Promise<{ id: number }>;

export function createRemarking(ports: {
  readonly database: Transactor;
  readonly promotions: Pick<PromotionStore, 'lock'>;
  readonly remarks: RemarkStore;
  readonly news: NewsOutbox;
  readonly files: () => Promise<Pick<GateFiles, 'roster'>>;
  readonly now: () => Date;
}): WriteRemark {
  const { database, promotions, remarks, news } = ports;
  return async (nameId, promotionId, { text }) => {
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
      if (promotion.state !== 'waiting' && promotion.state !== 'delivering') {
        throw new DecisionError(
          'E_NOT_WAITING',
          `This promotion is ${promotion.state}: questions and answers are written until it has ended.`,
        );
      }
      if ((await remarks.of(promotionId)).length >= mostRemarks) {
        throw new DecisionError(
          'remarks-full',
          `This promotion has ${mostRemarks} questions and answers, and takes no more; go on where you talk otherwise.`,
        );
      }
      const at = ports.now();
      const written = await remarks.countOf(person.id, new Date(at.getTime() - hourMs));
      if (written >= mostRemarksAnHour) {
        throw new DecisionError(
          'remarks-too-many',
          `You wrote ${written} questions and answers within the hour, which is the most; write again later.`,
        );
      }
      const id = await remarks.insert(tx, promotionId, { person: person.id, text, at });
      await news.tell(tx, {
        ...{ id: `${promotion.id}:remark:${id}`, thread: promotion.id, type: 'promotion.asked' },
        title: `${person.name} wrote on ${promotionInWords(promotion)}`,
        lines: [text],
        ...{ path: `/promotions/${promotion.id}`, target: promotion.target },
        ...{ actor: person.id, at },
      });
      return { id };
    });
  };
}
