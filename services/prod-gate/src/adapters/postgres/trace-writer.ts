import type { Promotion } from '../../domain/promotion.ts';
import {
  changeTraces,
  tracesOf,
  type BuildWords,
  type Trace,
  type Traced,
} from '../../domain/trace.ts';
import type { Prisma } from '../../generated/prisma/client.ts';

type Client = Prisma.TransactionClient;
type Named = Pick<Promotion, 'id' | 'admittedAt'>;

/** Notes by what a promotion is found. */
export async function writeTraces(
  client: Client,
  promotion: Traced & Named,
  words: BuildWords,
): Promise<void> {
  await insert(client, promotion, [
    ...tracesOf(promotion, words),
    ...(promotion.returns === null ? [] : await broughtBy(client, promotion.returns.promotion)),
  ]);
  await client.promotionContents.createMany({
    data: [{ promotionId: promotion.id, at: promotion.admittedAt, state: 'unread' }],
    skipDuplicates: true,
  });
}

/** Adds what another delta brings; by what the earlier one brought it is still found. */
export const writeChangeTraces = (
  client: Client,
  promotion: Pick<Traced, 'commit' | 'delta' | 'returns'> & Named,
): Promise<void> => insert(client, promotion, changeTraces(promotion));

/** What came with a release when it first came. */
async function broughtBy(client: Client, promotionId: string): Promise<readonly Trace[]> {
  const rows = await client.promotionTrace.findMany({
    where: { promotionId, kind: { in: ['change', 'email'] } },
  });
  return rows.flatMap(({ kind, value }) =>
    kind === 'change' || kind === 'email' ? [{ kind, value }] : [],
  );
}

async function insert(
  client: Client,
  { id: promotionId, admittedAt: at }: Named,
  traces: readonly Trace[],
): Promise<void> {
  await client.promotionTrace.createMany({
    data: traces.map((trace) => ({ promotionId, at, ...trace })),
    skipDuplicates: true,
  });
}
