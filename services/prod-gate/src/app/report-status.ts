/** Tells nonprod, over the connection that the gate opens, what became of what it asked for. For its pages only. */
import { formatTimestamp } from '@airlock/common/time';
import type { PromotionStatus } from '@airlock/common/wire/outbox';
import { explainIntakeCode } from '../domain/intake-codes.ts';
import { stateSentence } from '../domain/sentences.ts';
import type { Promotion } from '../domain/promotion.ts';
import type { IntakeItem, IntakeStore, OutboxClient } from './intake-ports.ts';

/** The protocol's bound on a status text. */
const maxTextLength = 500;

export type ReportDependencies = {
  source: string;
  /** Origin of the gate's pages, for the link that people follow. */
  gate: string;
  intake: Pick<IntakeStore, 'unreported' | 'reported'>;
  outbox: Pick<OutboxClient, 'report'>;
  clock: () => Date;
};

/** @returns how many states were told. */
export async function reportStatus(dependencies: ReportDependencies): Promise<number> {
  const { source, intake, outbox, gate, clock } = dependencies;
  const due = await intake.unreported(source);
  if (due.length === 0) return 0;
  const at = formatTimestamp(clock());
  const reports = due.map(({ item, promotion }) => statusOf({ item, promotion, gate, at }));
  await outbox.report({ reports });
  // Told twice is harmless: nonprod keeps the latest. Not told is not.
  for (const [index, { item }] of due.entries()) {
    await intake.reported(source, item.seq, reports[index]?.state ?? 'received');
  }
  return due.length;
}

function statusOf(given: {
  item: IntakeItem;
  promotion: Promotion | null;
  gate: string;
  at: string;
}): PromotionStatus {
  const { item, promotion, gate, at } = given;
  if (promotion === null) {
    const { meaning, mend } = explainIntakeCode(item.code ?? '');
    return {
      id: item.requestId,
      state: 'refused',
      text: `${meaning} ${mend}`.slice(0, maxTextLength),
      codes: item.code === null ? [] : [item.code],
      promotion: null,
      page: null,
      at,
    };
  }
  return {
    id: item.requestId,
    state: promotion.state,
    text: stateSentence(promotion, null).slice(0, maxTextLength),
    codes: [],
    promotion: promotion.id,
    page: `${gate}/promotions/${promotion.id}`,
    at,
  };
}
