/** Says again, later and louder, that a promotion waits for people: reminders, escalation, and that it is about to expire. */
import { notifyDefaults } from '@airlock/common/policy/target-notify';
import type { TargetPolicy } from '@airlock/common/policy/target-policy';
import type { News } from '../domain/news.ts';
import { promotionInWords, type Promotion } from '../domain/promotion.ts';
import type { NewsOutbox } from './notification-ports.ts';
import type { ApprovalStore } from './approval-ports.ts';
import type { GateFiles } from './configuration-ports.ts';
import type { Transactor } from './ports.ts';
import type { PromotionStore } from './promotion-ports.ts';

export async function remindDeciders(given: {
  readonly promotions: Pick<PromotionStore, 'inState'>;
  readonly approvals: Pick<ApprovalStore, 'of'>;
  readonly files: () => Promise<GateFiles>;
  readonly news: NewsOutbox;
  readonly transactor: Transactor;
  readonly clock: () => Date;
}): Promise<void> {
  const { promotions, approvals, files, news, transactor, clock } = given;
  const waiting = await promotions.inState('waiting');
  if (waiting.length === 0) return;
  const { targets } = await files();
  for (const promotion of waiting) {
    const policy = targets.get(promotion.target)?.policy;
    if (policy === undefined) continue;
    const given = await approvals.of(promotion.id);
    const have = new Set(
      given
        .filter(({ decision, withdrawn }) => decision === 'approve' && withdrawn === null)
        .filter(({ promotionDigest }) => promotionDigest === promotion.promotionDigest)
        .map(({ person }) => person),
    ).size;
    const missing = missingApprovals(policy, have);
    if (missing === 0) continue;
    const due = reminders(promotion, policy, { now: clock(), missing });
    if (due.length === 0) continue;
    await transactor.transaction(async (tx) => {
      for (const item of due) await news.tell(tx, item);
    });
  }
}

const missingApprovals = (policy: TargetPolicy, have: number): number =>
  Math.max(policy.approvals.rules.reduce((sum, { count }) => sum + count, 0) - have, 0);

/** Of several reminders whose time has come only the latest, so that nobody hears them all at once after an outage. */
export function reminders(
  promotion: Promotion,
  policy: TargetPolicy,
  { now, missing }: { readonly now: Date; readonly missing: number },
): readonly News[] {
  const { notify = notifyDefaults } = policy;
  const waited = (now.getTime() - promotion.admittedAt.getTime()) / 1000;
  const left = (promotion.expiresAt.getTime() - now.getTime()) / 1000;
  const what = promotionInWords(promotion);
  const still = `needs ${missing} more ${missing === 1 ? 'approval' : 'approvals'}`;
  const news = (name: string, type: News['type'], title: string): News => ({
    ...{ id: `${promotion.id}:${name}`, thread: promotion.id, type, title, lines: [] },
    ...{ path: `/promotions/${promotion.id}`, target: promotion.target, actor: null, at: now },
  });
  const last = Math.max(...notify.remindAfter.filter((after) => after <= waited));
  const escalateAfter = policy.notify?.escalate?.after ?? Infinity;
  const found: News[] = [];
  if (Number.isFinite(last)) {
    found.push(
      news(`reminder:${last}`, 'promotion.reminder', `${what} still ${still}, after ${span(last)}`),
    );
  }
  if (waited >= escalateAfter) {
    const title = `${what} still ${still}, and nobody decides since ${span(escalateAfter)}`;
    found.push(news('escalated', 'promotion.escalated', title));
  }
  if (left > 0 && left <= notify.expiryNotice) {
    const title = `${what} ${still} and expires at ${promotion.expiresAt.toISOString()}`;
    found.push(news('expires', 'promotion.expires', title));
  }
  return found;
}

function span(seconds: number): string {
  if (seconds % 3600 === 0) return `${seconds / 3600} h`;
  return seconds % 60 === 0 ? `${seconds / 60} min` : `${seconds} s`;
}
