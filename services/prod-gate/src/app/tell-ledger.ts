/**
 * What stands in the ledger is told to people, so that nobody who changes something can forget to say so. An entry is told
 * once, by its index; one older than a day is told to nobody, but of passkeys, which are told whenever they say they were.
 */
import { parseLedgerEntry, type LedgerEntry } from '@airlock/common/ledger/entry';
import { AirlockError } from '@airlock/common/errors';
import { newsOfEntry } from '../domain/ledger-news.ts';
import type { NewsCursor, NewsOutbox } from './notification-ports.ts';
import type { LedgerReader, LedgerRow } from './ledger-ports.ts';
import type { Transactor } from './ports.ts';
import type { PromotionStore } from './promotion-ports.ts';

const entriesAtOnce = 500;
const oldAfterMs = 86_400_000;

/** @returns how many entries were told of. */
export async function tellLedger(given: {
  readonly ledger: Pick<LedgerReader, 'entries'>;
  readonly promotions: Pick<PromotionStore, 'find'>;
  readonly cursor: NewsCursor;
  readonly news: NewsOutbox;
  readonly transactor: Transactor;
  readonly clock: () => Date;
}): Promise<number> {
  const { ledger, promotions, cursor, news, transactor, clock } = given;
  let told = 0;
  for (;;) {
    const from = await cursor.next();
    const rows = await ledger.entries(from, entriesAtOnce);
    if (rows.length === 0) return told;
    const young = rows.flatMap((row) => {
      const entry = readable(row);
      // Web says when a passkey was added: by an earlier time it would be told to nobody.
      const isTold =
        entry !== null &&
        (entry.type.startsWith('passkey.') ||
          clock().getTime() - Date.parse(entry.at) < oldAfterMs);
      return isTold ? [{ index: row.index, entry }] : [];
    });
    const found = await Promise.all(
      young.map(async ({ index, entry }) => {
        const id = entry.refs['promotion'];
        const promotion = id === undefined ? null : await promotions.find(id);
        const news = newsOfEntry(entry, { index, promotion });
        return news !== null && entry.type.startsWith('passkey.') ? { ...news, at: clock() } : news;
      }),
    );
    const items = found.filter((item) => item !== null);
    await transactor.transaction(async (tx) => {
      for (const item of items) await news.tell(tx, item);
      await cursor.advance(tx, (rows.at(-1)?.index ?? from) + 1);
    });
    told += items.length;
  }
}

/** What only begins like an entry says nothing, and keeps nobody from hearing the next. */
function readable({ body }: LedgerRow): LedgerEntry | null {
  try {
    return parseLedgerEntry(body);
  } catch (cause) {
    if (cause instanceof AirlockError) return null;
    throw cause;
  }
}
