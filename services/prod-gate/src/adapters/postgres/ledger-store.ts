import { createHash } from 'node:crypto';
import { ledgerEntry } from '@airlock/common/ledger/entry';
import type { LedgerReader, LedgerRow, LedgerSequence, Recorder } from '../../app/ports.ts';
import type { LedgerEntry as LedgerEntryRow } from '../../generated/prisma/client.ts';
import { clientOf, type GateDatabase } from './client.ts';
import { asBuffer, asNumber } from './rows.ts';

/** "airledgr" as a 64-bit number, so that no other user of advisory locks meets it by chance. */
const sequencerLock = 0x6169726c65646772n;

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
  return {
    async checkpoint() {
      const row = await prisma.ledgerCheckpoint.findFirst({ orderBy: { size: 'desc' } });
      return row === null
        ? null
        : { size: asNumber(row.size), note: row.note, signedAt: row.signedAt };
    },

    async byLeafHash(leafHash) {
      const row = await prisma.ledgerEntry.findUnique({
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

export const ledgerSequence: LedgerSequence = {
  async lock(tx) {
    await clientOf(tx).$executeRaw`select pg_advisory_xact_lock(${sequencerLock})`;
  },

  async pending(tx, limit) {
    const rows = await clientOf(tx).ledgerPending.findMany({ orderBy: { id: 'asc' }, take: limit });
    return rows.map((row) => ({ id: row.id, body: asBuffer(row.body) }));
  },

  async known(tx, leafHashes) {
    const rows = await clientOf(tx).ledgerEntry.findMany({
      where: { leafHash: { in: leafHashes.map((hash) => Uint8Array.from(hash)) } },
      select: { leafHash: true },
    });
    return new Set(rows.map((row) => asBuffer(row.leafHash).toString('hex')));
  },

  async head(tx) {
    const row = await clientOf(tx).ledgerCheckpoint.findFirst({ orderBy: { size: 'desc' } });
    return row === null ? null : { size: asNumber(row.size), root: asBuffer(row.root) };
  },

  async tile(tx, level, n) {
    const row = await clientOf(tx).ledgerTile.findUnique({ where: { level_n: { level, n } } });
    return row === null ? null : asBuffer(row.hashes);
  },

  async append(tx, batch) {
    const client = clientOf(tx);
    const entries = batch.entries.map((entry) => ({
      idx: entry.index,
      body: entry.body.toString('hex'),
      leaf: entry.leafHash.toString('hex'),
      type: entry.type,
      subject: entry.subjectDigest,
    }));
    await client.$executeRaw`
      insert into ledger_entry (idx, body, leaf_hash, type, subject_digest)
      select e.idx, decode(e.body, 'hex'), decode(e.leaf, 'hex'), e.type, e.subject
      from jsonb_to_recordset(${JSON.stringify(entries)}::jsonb)
        as e(idx bigint, body text, leaf text, type text, subject text)
      order by e.idx`;
    const tiles = batch.tiles.map((tile) => ({
      level: tile.level,
      n: tile.n,
      hashes: tile.hashes.toString('hex'),
    }));
    await client.$executeRaw`
      insert into ledger_tile (level, n, hashes)
      select t.level, t.n, decode(t.hashes, 'hex')
      from jsonb_to_recordset(${JSON.stringify(tiles)}::jsonb) as t(level int, n bigint, hashes text)
      on conflict (level, n) do update set hashes = excluded.hashes`;
    await client.$executeRaw`
      insert into ledger_checkpoint (size, root, note)
      values (${batch.checkpoint.size}, ${batch.checkpoint.root}, ${batch.checkpoint.note})`;
  },

  async drop(tx, ids) {
    await clientOf(tx).ledgerPending.deleteMany({ where: { id: { in: [...ids] } } });
  },
};

export function ledgerRowFrom(row: LedgerEntryRow): LedgerRow {
  return {
    index: asNumber(row.idx),
    body: asBuffer(row.body),
    leafHash: asBuffer(row.leafHash).toString('hex'),
    sequencedAt: row.sequencedAt,
  };
}
