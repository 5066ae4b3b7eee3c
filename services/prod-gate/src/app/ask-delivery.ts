/**
 * Somebody starts a delivery, where the target file asks for a person to do so. What is kept is an entry of the ledger that only
 * lets begin what approvals permit: authority and deliverer judge everything else again, each for itself.
 *
 * It is judged without any lock, and the entry says how much of the ledger the judgement knew: a stop or a withdrawal that came
 * in between takes the start back, as one that comes later does.
 */
import { decidingRolesOf } from '@airlock/common/policy/needed-rules';
import { awaitsStart } from '../domain/awaits-start.ts';
import { mayStart } from '../domain/manual-start.ts';
import { headline } from '../domain/sentences.ts';
import type { Verdict } from '../domain/verdict.ts';
import { personByNameId } from '../domain/roster.ts';
import type { Promotion } from '../domain/promotion.ts';
import { awaitPublished } from './await-published.ts';
import { changedSince, type ChangeSources } from './changed-since.ts';
import { DecisionError } from './decision-error.ts';
import type { GateFiles } from './configuration-ports.ts';
import type { Recorder } from './ledger-ports.ts';
import type { Transactor } from './ports.ts';
import type { PromotionStore } from './promotion-ports.ts';

/**
 * Needs a session and no passkey: those who approved signed what is delivered. The start is over with the document that it is
 * of, and with a stop, a closed window or a withdrawal.
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
  readonly promotions: Pick<PromotionStore, 'find' | 'lock' | 'evidence'>;
  readonly replaced: ChangeSources['replaced'];
  readonly recorder: Recorder;
  readonly files: () => Promise<Pick<GateFiles, 'roster' | 'targets'>>;
  /** @returns with the last entry of the ledger that it knew. */
  readonly judge: (
    promotionId: string,
    now: Date,
  ) => Promise<{ readonly verdict: Verdict; readonly through: number } | null>;
  /** Whether an entry is in a signed checkpoint. */
  readonly isPublished: (leafHash: string) => Promise<boolean>;
  readonly ringDeliverer: (promotionId: string) => void;
  readonly now: () => Date;
}): AskDelivery {
  const { database, promotions, recorder, isPublished } = ports;

  async function startable(found: Promotion | null, nameId: string, promotionDigest: string) {
    const files = await ports.files();
    const person = personByNameId(files.roster.roster, nameId);
    if (person === null) {
      throw new DecisionError('person-unknown', `${nameId} is not in the gate's roster.`);
    }
    const promotion = stillWaiting(found);
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
      throw await changedSince(ports, {
        ...{ promotionId: promotion.id, shown: promotionDigest },
        then: 'Nothing was started; load it again and read what is new.',
      });
    }
    return { person, promotion };
  }

  return async (nameId, promotionId, { promotionDigest }) => {
    const found = await promotions.find(promotionId);
    const { person, promotion } = await startable(found, nameId, promotionDigest);
    const at = ports.now();
    const judged = await ports.judge(promotionId, at);
    if (judged === null || !awaitsStart(judged.verdict)) throw notDue(judged?.verdict ?? null);
    // No question but those of the transaction itself: people who start at once wait for no second connection.
    const leafHash = await database.transaction(async (tx) => {
      sameDocument(stillWaiting(await promotions.lock(tx, promotionId)), promotionDigest);
      return recorder.record(tx, {
        ...{ type: 'delivery.asked', at, actor: `person:${person.id}` },
        subjectDigest: promotionDigest,
        refs: {
          ...{ promotion: promotion.id, target: promotion.target, release: promotion.release },
          seen: String(judged.through),
        },
      });
    });
    // So that the page that follows and the deliverer know of it; a ledger that takes longer is met by the next sweep.
    await awaitPublished({ isPublished: () => isPublished(leafHash), withinMs: publishedWithinMs });
    ports.ringDeliverer(promotionId);
  };
}

const publishedWithinMs = 5_000;

/** @throws DecisionError */
function stillWaiting(promotion: Promotion | null): Promotion {
  if (promotion === null) {
    throw new DecisionError('promotion-unknown', 'There is no such promotion.');
  }
  if (promotion.state !== 'waiting') {
    throw new DecisionError(
      'E_NOT_WAITING',
      `This promotion is ${promotion.state} and no longer waits for a start.`,
    );
  }
  return promotion;
}

/** @throws DecisionError */
function sameDocument(promotion: Promotion, promotionDigest: string): void {
  if (promotion.promotionDigest === promotionDigest) return;
  throw new DecisionError(
    'promotion-changed',
    'The promotion changed since you looked at it; load it again and read what is new.',
  );
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
