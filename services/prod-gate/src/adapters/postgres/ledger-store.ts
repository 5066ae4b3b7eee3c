import { createHash } from 'node:crypto';
import { ledgerEntry } from '@airlock/common/ledger/entry';
import type {
  CosignatureStore,
  LedgerReader,
  LedgerRow,
  Recorder,
} from '../../app/ledger-ports.ts';
import type { LedgerEntry as LedgerEntryRow } from '../../generated/prisma/client.ts';
import { clientOf, type GateDatabase } from './client.ts';
import { asBuffer, asNumber } from './rows.ts';

export const recorder: Recorder = {
  async record(tx, entry) {
    const { type, actor, subjectDigest, refs } = entry;
    const at = entry.at.toISOString();
    const body = ledgerEntry({ type, at, actor, subjectDigest, refs: { ...refs } });
    // No RETURNING: who records may not read what waits.
    await clientOf(tx).$executeRaw`insert into ledger_pending (body) values (${body})`;
    return createHash('sha256').update(Buffer.of(0)).update(body).digest('hex');
  },
};

export function createLedgerReader(database: GateDatabase): LedgerReader {
  const { prisma } = database;
  const cosignaturesAt = (size: bigint) =>
    prisma.ledgerCosignature.findMany({ where: { size }, orderBy: { at: 'asc' } });
  return {
    async checkpoint() {
      // Every decision begins with it, so it is one question and not two through Prisma.
      const { rows } = await database.pool.query<{ size: string; note: string; signed_at: Date }>({
        name: 'ledger-newest-checkpoint',
        text: `select c.size, c.signed_at, c.note || coalesce(
            (select string_agg(s.line, '' order by s.at) from ledger_cosignature s where s.size = c.size), '') as note
          from ledger_checkpoint c order by c.size desc limit 1`,
      });
      const [row] = rows;
      return row === undefined
        ? null
        : { size: Number(row.size), note: row.note, signedAt: row.signed_at };
    },

    async witnessed() {
      const last = await prisma.ledgerCosignature.findFirst({ orderBy: { size: 'desc' } });
      if (last === null) return null;
      const [row, lines] = await Promise.all([
        prisma.ledgerCheckpoint.findUnique({ where: { size: last.size } }),
        cosignaturesAt(last.size),
      ]);
      if (row === null) return null;
      return {
        size: asNumber(row.size),
        note: row.note + lines.map(({ line }) => line).join(''),
        signedAt: row.signedAt,
        by: lines.map(({ witness, at }) => ({ witness, at })),
      };
    },

    async byLeafHash(leafHash) {
      // Unique by an exclusion constraint, which Prisma does not know.
      const row = await prisma.ledgerEntry.findFirst({
        where: { leafHash: Uint8Array.from(Buffer.from(leafHash, 'hex')) },
      });
      return row === null ? null : ledgerRowFrom(row);
    },

    async bySubject(type, subjectDigest) {
      const rows = await prisma.ledgerEntry.findMany({
        where: { type, subjectDigest },
        orderBy: { idx: 'asc' },
      });
      return rows.map(ledgerRowFrom);
    },

    async entries(from, limit) {
      const rows = await prisma.ledgerEntry.findMany({
        where: { idx: { gte: from } },
        orderBy: { idx: 'asc' },
        take: limit,
      });
      return rows.map(ledgerRowFrom);
    },

    async tile(level, n) {
      const row = await prisma.ledgerTile.findUnique({ where: { level_n: { level, n } } });
      return row === null ? null : asBuffer(row.hashes);
    },
  };
}

export function createCosignatureStore({ prisma }: GateDatabase): CosignatureStore {
  return {
    async latest(witness) {
      const row = await prisma.ledgerCosignature.findFirst({
        where: { witness },
        orderBy: { size: 'desc' },
      });
      return row === null ? null : asNumber(row.size);
    },

    async add(cosignature) {
      await prisma.ledgerCosignature.createMany({ data: [cosignature], skipDuplicates: true });
    },
  };
}

export function ledgerRowFrom(row: LedgerEntryRow): LedgerRow {
  return {
    index: asNumber(row.idx),
    body: asBuffer(row.body),
    leafHash: asBuffer(row.leafHash).toString('hex'),
    sequencedAt: row.sequencedAt,
  };
}
