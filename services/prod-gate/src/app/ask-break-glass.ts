/**
 * Somebody asks that a promotion pass without its approvals and outside its windows. Web keeps the wish; intake makes the
 * document that says it, for which nobody has approved yet; what passkeys sign then has the justification in it. So neither
 * an ordinary approval can be made one of these, nor the other way.
 *
 * It never answers anything but these two: no signature, no place on main, no stop and no machine's check is overridden.
 */
import {
  BreakGlass,
  leastJustification,
  longestJustification,
} from '@airlock/common/promotion/break-glass';
import { createHash } from 'node:crypto';
import { rolesOf } from '../domain/access.ts';
import { personByNameId, type Person } from '../domain/roster.ts';
import type { Promotion } from '../domain/promotion.ts';
import type { BreakGlassStore } from './break-glass-ports.ts';
import { DecisionError } from './decision-error.ts';
import type { GateFiles } from './configuration-ports.ts';
import type { Recorder } from './ledger-ports.ts';
import type { Transactor } from './ports.ts';
import type { PromotionStore } from './promotion-ports.ts';

export interface BreakGlassAsking {
  /**
   * @throws DecisionError `person-unknown`, `promotion-unknown`, `E_NOT_WAITING`, `E_TARGET_UNKNOWN`, `break-glass-closed`
   *   where the target file opens no such way, `role-missing`, `reason-missing` for fewer than 20 characters.
   */
  ask(nameId: string, promotionId: string, given: { justification: string }): Promise<void>;
  /** Anyone who may ask. @throws DecisionError as `ask`, and `nothing-to-withdraw`. */
  withdraw(nameId: string, promotionId: string): Promise<void>;
}

export function createBreakGlassAsking(ports: {
  readonly database: Transactor;
  readonly promotions: Pick<PromotionStore, 'lock'>;
  readonly breakGlass: BreakGlassStore;
  readonly recorder: Recorder;
  readonly files: () => Promise<Pick<GateFiles, 'roster' | 'targets'>>;
  readonly now: () => Date;
}): BreakGlassAsking {
  const { database, promotions, breakGlass, recorder } = ports;

  async function asker(nameId: string, promotion: Promotion | null, at: Date): Promise<Person> {
    const files = await ports.files();
    const person = personByNameId(files.roster.roster, nameId);
    if (person === null) {
      throw new DecisionError('person-unknown', `${nameId} is not in the gate's roster.`);
    }
    if (promotion === null) {
      throw new DecisionError('promotion-unknown', 'There is no such promotion.');
    }
    if (promotion.state !== 'waiting' || promotion.expiresAt <= at) {
      throw new DecisionError(
        'E_NOT_WAITING',
        'This promotion no longer waits; ask for the release again in nonprod.',
      );
    }
    const opened = files.targets.get(promotion.target)?.policy.breakGlass;
    if (opened === undefined) {
      throw new DecisionError(
        'break-glass-closed',
        `targets/${promotion.target}.yaml opens no break-glass: the promotion passes with its approvals and in its windows, and in no other way.`,
      );
    }
    const roles = rolesOf(opened.approvals);
    if (!person.roles.some((role) => roles.includes(role))) {
      throw new DecisionError(
        'role-missing',
        `Break-glass on ${promotion.target} takes the role ${roles.join(' or ')}.`,
        { role: roles.join(', ') },
      );
    }
    return person;
  }

  return {
    async ask(nameId, promotionId, given) {
      await database.transaction(async (tx) => {
        const at = ports.now();
        const promotion = await promotions.lock(tx, promotionId);
        const person = await asker(nameId, promotion, at);
        const said = BreakGlass.safeParse({
          person: person.id,
          justification: given.justification.trim(),
        });
        if (!said.success) {
          throw new DecisionError(
            'reason-missing',
            `Say why it cannot wait, in ${leastJustification} to ${longestJustification} characters: everybody reads it, and others look at it afterwards.`,
          );
        }
        await breakGlass.ask(tx, { ...said.data, promotionId, at });
        await recorder.record(tx, {
          ...{ type: 'break-glass.asked', at, actor: `person:${person.id}` },
          subjectDigest: promotion?.promotionDigest ?? '',
          refs: {
            promotion: promotionId,
            justification: createHash('sha256').update(said.data.justification).digest('hex'),
          },
        });
      });
    },

    async withdraw(nameId, promotionId) {
      await database.transaction(async (tx) => {
        const at = ports.now();
        const promotion = await promotions.lock(tx, promotionId);
        const person = await asker(nameId, promotion, at);
        if ((await breakGlass.of(promotionId)) === null) {
          throw new DecisionError(
            'nothing-to-withdraw',
            'Nobody asked for break-glass on this promotion, or it was taken back.',
          );
        }
        await breakGlass.withdraw(tx, { promotionId, person: person.id, at });
        await recorder.record(tx, {
          ...{ type: 'break-glass.withdrawn', at, actor: `person:${person.id}` },
          subjectDigest: promotion?.promotionDigest ?? '',
          refs: { promotion: promotionId },
        });
      });
    },
  };
}
