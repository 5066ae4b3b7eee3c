import type { OutboxReader, StatusStore } from '../../app/ports.ts';
import type { Database } from './client.ts';

export function createOutboxReader(db: Database): OutboxReader {
  return {
    async page(after, limit) {
      const rows = await db.outboxItem.findMany({
        where: { seq: { gt: after } },
        orderBy: { seq: 'asc' },
        take: limit,
      });
      const last = await db.outboxItem.findFirst({
        orderBy: { seq: 'desc' },
        select: { seq: true },
      });
      return {
        items: rows.map((row) => ({
          seq: Number(row.seq),
          prevHash: row.prevHash,
          id: row.id,
          createdAt: row.createdAt,
          bundle: { digest: row.bundleDigest, size: Number(row.bundleSize) },
          artifact: { digest: row.artifactDigest, size: Number(row.artifactSize) },
          claimedTarget: row.claimedTarget,
          hash: row.hash,
        })),
        head: Number(last?.seq ?? 0),
      };
    },

    async names(digest) {
      const row = await db.outboxItem.findFirst({
        where: { OR: [{ bundleDigest: digest }, { artifactDigest: digest }] },
        select: { seq: true },
      });
      return row !== null;
    },
  };
}

export function createStatusStore(db: Database): StatusStore {
  return {
    async gateSeen() {
      await db.$executeRaw`
        insert into gate_contact (id, seen_at) values (true, now())
        on conflict (id) do update set seen_at = now()`;
    },

    async record(reports) {
      for (const report of reports) {
        // An older report than the one at hand is a late one, and a request that nobody made is none of ours.
        await db.$executeRaw`
          insert into promotion_status (id, state, text, codes, promotion, page, at)
          select ${report.id}, ${report.state}, ${report.text}, ${report.codes}::text[], ${report.promotion},
            ${report.page}, ${new Date(report.at)}
          where exists (select from promotion_request where id = ${report.id})
          on conflict (id) do update set state = excluded.state, text = excluded.text, codes = excluded.codes,
            promotion = excluded.promotion, page = excluded.page, at = excluded.at, received_at = now()
          where promotion_status.at <= excluded.at`;
      }
    },
  };
}
