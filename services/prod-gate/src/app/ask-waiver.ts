/**
 * Somebody asks that a promotion pass by break-glass, without its approvals and outside its windows, or that its windows be
 * overridden. Web keeps the wish; intake makes the document that says it, for which nobody has approved yet; what passkeys sign
 * then has the justification in it. So neither an ordinary approval can be made one of these, nor one of one kind the other.
 *
 * It never answers anything but these two: no signature, no place on main, no stop and no machine's check is overridden.
 */
import { createHash } from 'node:crypto';
import type { TargetPolicy } from '@airlock/common/policy/target-policy';
import {
  Justified,
  leastJustification,
  longestJustification,
  type WaiverKind,
} from '@airlock/common/promotion/waiver';
import { askersOf, openedWaiver } from '../domain/waiver.ts';
import { personByNameId, type Person } from '../domain/roster.ts';
import type { Promotion } from '../domain/promotion.ts';
import type { WaiverStore } from './waiver-ports.ts';
import type { GateFiles } from './configuration-ports.ts';
import { DecisionError } from './decision-error.ts';
import { closedWindowOf } from './judge-approvals.ts';
import type { Recorder } from './ledger-ports.ts';
import type { Transactor } from './ports.ts';
import type { PromotionStore } from './promotion-ports.ts';

export interface WaiverAsking {
  /**
   * @throws DecisionError `person-unknown`, `promotion-unknown`, `E_NOT_WAITING`, `E_TARGET_UNKNOWN`, `waiver-closed` where the
   *   target file opens no such way, `role-missing`, `reason-missing` for fewer than 20 characters, `waiver-not-needed` for the
   *   override of windows that hold it not, `waiver-asked` while the other kind is asked for.
   */
  ask(nameId: string, promotionId: string, given: Asked): Promise<void>;
  /** Anyone who may ask. @throws DecisionError as `ask`, and `nothing-to-withdraw`. */
  withdraw(nameId: string, promotionId: string, kind: WaiverKind): Promise<void>;
}

type Asked = { readonly kind: WaiverKind; readonly justification: string };

export function createWaiverAsking(ports: {
  readonly database: Transactor;
  readonly promotions: Pick<PromotionStore, 'lock'>;
  readonly waivers: WaiverStore;
  readonly recorder: Recorder;
  readonly files: () => Promise<Pick<GateFiles, 'roster' | 'targets'>>;
  readonly now: () => Date;
}): WaiverAsking {
  const { database, promotions, waivers, recorder } = ports;

  async function waiting(
    nameId: string,
    promotion: Promotion | null,
    at: Date,
  ): Promise<{ person: Person; promotion: Promotion; policy: TargetPolicy | undefined }> {
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
    return { person, promotion, policy: files.targets.get(promotion.target)?.policy };
  }

  function asker(
    { person, promotion, policy }: Awaited<ReturnType<typeof waiting>>,
    kind: WaiverKind,
  ): { person: Person; promotion: Promotion; policy: TargetPolicy } {
    if (policy === undefined || openedWaiver(policy, kind) === null) {
      throw new DecisionError('waiver-closed', closed[kind](promotion.target));
    }
    const roles = askersOf(policy, kind);
    if (!person.roles.some((role) => roles.includes(role))) {
      throw new DecisionError(
        'role-missing',
        `${words[kind]} on ${promotion.target} takes the role ${roles.join(' or ')}.`,
        { role: roles.join(', ') },
      );
    }
    return { person, promotion, policy };
  }

  return {
    async ask(nameId, promotionId, { kind, justification }) {
      await database.transaction(async (tx) => {
        const at = ports.now();
        const locked = await promotions.lock(tx, promotionId);
        const { person, promotion, policy } = asker(await waiting(nameId, locked, at), kind);
        const said = Justified.safeParse({
          person: person.id,
          justification: justification.trim(),
        });
        if (!said.success) {
          throw new DecisionError(
            'reason-missing',
            `Say why it cannot wait, in ${leastJustification} to ${longestJustification} characters: everybody reads it, and others look at it afterwards.`,
          );
        }
        if (kind === 'override' && closedWindowOf(promotion, policy, at) === null) {
          throw new DecisionError(
            'waiver-not-needed',
            `No window of ${promotion.target} holds it now: it passes with its approvals.`,
          );
        }
        const before = await waivers.of(promotionId);
        if (before !== null && before.kind !== kind) {
          throw new DecisionError(
            'waiver-asked',
            `${words[before.kind]} is asked for on this promotion, and one document asks for one of the two; take that back first.`,
          );
        }
        await waivers.ask(tx, { kind, ...said.data, promotionId, at });
        await recorder.record(tx, {
          ...{ type: `${kind}.asked`, at, actor: `person:${person.id}` },
          subjectDigest: promotion.promotionDigest,
          refs: {
            promotion: promotionId,
            justification: createHash('sha256').update(said.data.justification).digest('hex'),
          },
        });
      });
    },

    async withdraw(nameId, promotionId, kind) {
      await database.transaction(async (tx) => {
        const at = ports.now();
        const locked = await promotions.lock(tx, promotionId);
        const asked = await waivers.of(promotionId);
        const found = await waiting(nameId, locked, at);
        const { person, promotion } = found;
        // Whoever asked takes it back also where the target file has closed that way since.
        if (asked?.person !== person.id) asker(found, kind);
        if (asked?.kind !== kind) {
          throw new DecisionError(
            'nothing-to-withdraw',
            `Nobody asked for ${words[kind].toLowerCase()} on this promotion, or it was taken back.`,
          );
        }
        await waivers.withdraw(tx, { kind, promotionId, person: person.id, at });
        await recorder.record(tx, {
          ...{ type: `${kind}.withdrawn`, at, actor: `person:${person.id}` },
          subjectDigest: promotion.promotionDigest,
          refs: { promotion: promotionId },
        });
      });
    },
  };
}

const words: Readonly<Record<WaiverKind, string>> = {
  'break-glass': 'Break-glass',
  override: 'An override of the windows',
};

const closed: Readonly<Record<WaiverKind, (target: string) => string>> = {
  'break-glass': (target) =>
    `targets/${target}.yaml opens no break-glass: the promotion passes with its approvals and in its windows, and in no other way.`,
  override: (target) =>
    `targets/${target}.yaml has no windows.override: the promotion passes when its windows open.`,
};
