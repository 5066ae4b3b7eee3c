/** Decides for everything that was told to whom it goes, by the signed target file and roster and by what people chose. */
import { parsePromotionDocument } from '@airlock/common/promotion/document';
import { waiverOf, type WaiverKind } from '@airlock/common/promotion/waiver';
import type { NotificationQueue, ToldNotification } from '@airlock/notify/queue';
import { rulesFor } from '../domain/access.ts';
import { audienceOf, type Told } from '../domain/news-audience.ts';
import { newsTypes, type NewsType } from '../domain/news.ts';
import type { NewsChoices } from './notification-ports.ts';
import type { RemarkStore } from './remark-ports.ts';
import type { ApprovalStore } from './approval-ports.ts';
import type { GateFiles } from './configuration-ports.ts';
import type { PromotionStore } from './promotion-ports.ts';

const batch = 50;
const oldAfterMs = 86_400_000;

export interface AddressDependencies {
  readonly queue: Pick<NotificationQueue, 'unaddressed' | 'recipientsOf' | 'address'>;
  readonly promotions: Pick<PromotionStore, 'find' | 'evidence'>;
  readonly approvals: Pick<ApprovalStore, 'of'>;
  readonly remarks: Pick<RemarkStore, 'of'>;
  readonly choices: Pick<NewsChoices, 'quiet'>;
  readonly files: () => Promise<GateFiles>;
  /** Channels that hear of everything. */
  readonly always: readonly string[];
  readonly clock: () => Date;
}

/** @returns how many were addressed. What is older than a day goes to nobody: its page still shows it. */
export async function addressNews(dependencies: AddressDependencies): Promise<number> {
  const { queue, clock } = dependencies;
  const waiting = await queue.unaddressed(batch);
  if (waiting.length === 0) return 0;
  const files = await dependencies.files();
  const quiet = await dependencies.choices.quiet();
  // One after the other: a follow-up goes to those whom the first went to.
  for (const notification of waiting) {
    const isOld = clock().getTime() - notification.occurredAt.getTime() >= oldAfterMs;
    const told = isOld ? [] : await audience(dependencies, notification, { files, quiet });
    await queue.address(notification.id, told);
  }
  return waiting.length;
}

async function audience(
  { queue, promotions, approvals, remarks, always }: AddressDependencies,
  { type, thread, about, actor }: ToldNotification,
  { files, quiet }: { readonly files: GateFiles; readonly quiet: ReadonlySet<string> },
): Promise<readonly Told[]> {
  const known = newsTypes.find((each) => each === type);
  // Written by a newer version of the gate: its channels still hear it.
  if (known === undefined) {
    return always.map((channel) => ({ channel, recipient: '', person: null }));
  }
  const promotion = await promotions.find(thread);
  const given = promotion === null ? [] : await approvals.of(promotion.id);
  const said = promotion === null ? [] : await remarks.of(promotion.id);
  const before = await queue.recipientsOf(thread);
  const policy = about === null ? null : (files.targets.get(about)?.policy ?? null);
  return audienceOf({
    ...{ type: known satisfies NewsType, actor, quiet, always },
    roster: files.roster.roster,
    policy,
    rules:
      promotion === null
        ? []
        : rulesFor(policy, promotion, promotion.delta, await waiverIn(promotions, promotion.id)),
    promotion:
      promotion === null
        ? null
        : // Whoever signed the configuration may be told; that they do not count is said where they would decide.
          { requester: promotion.requester, emails: promotion.delta.emails, editors: [] },
    approvedBy: given
      .filter(({ decision, withdrawn }) => decision === 'approve' && withdrawn === null)
      .filter(({ promotionDigest }) => promotionDigest === promotion?.promotionDigest)
      .map(({ person }) => person),
    remarkedBy: said.map(({ person }) => person),
    followers: before.flatMap(({ person }) => (person === null ? [] : [person])),
  });
}

async function waiverIn(
  promotions: Pick<PromotionStore, 'evidence'>,
  promotionId: string,
): Promise<WaiverKind | null> {
  const evidence = await promotions.evidence(promotionId);
  return evidence === null
    ? null
    : (waiverOf(parsePromotionDocument(evidence.document))?.kind ?? null);
}
