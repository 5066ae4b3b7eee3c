/**
 * Sequencing in SQL: prepared statements on one connection, whole batches as arrays. The ledger is one of the three paths
 * where Prisma's cost for a statement counts.
 */
import type { DatabaseConnection, DatabasePool } from '@airlock/database/pool';
import type { LedgerBatch, LedgerSequencer } from '../../app/ledger-ports.ts';

/** "airledgr" as a 64-bit number, so that no other user of advisory locks meets it by chance. */
const sequencerLock = String(0x6169726c65646772n);

export function createLedgerSequencer(pool: DatabasePool): LedgerSequencer {
  return {
    async exclusively(work) {
      const client = await pool.connect();
      let broken: Error | undefined;
      try {
        await client.query('begin');
        await client.query({
          name: 'ledger-lock',
          text: 'select pg_advisory_xact_lock($1::bigint)',
          values: [sequencerLock],
        });
        const result = await work(batchOn(client));
        await client.query('commit');
        return result;
      } catch (cause) {
        // A connection that cannot even roll back is thrown away, and its transaction with it.
        await client.query('rollback').catch((error: unknown) => {
          broken = error instanceof Error ? error : new Error(String(error));
        });
        throw cause;
      } finally {
        client.release(broken);
      }
    },
  };
}

function batchOn(client: DatabaseConnection): LedgerBatch {
  return {
    async pending(limit) {
      const { rows } = await client.query<{ id: string; body: Buffer }>({
        name: 'ledger-pending',
        text: 'select id, body from ledger_pending order by id limit $1',
        values: [limit],
      });
      return rows.map((row) => ({ id: BigInt(row.id), body: row.body }));
    },

    async known(leafHashes) {
      const { rows } = await client.query<{ leaf_hash: Buffer }>({
        name: 'ledger-known',
        text: 'select leaf_hash from ledger_entry where leaf_hash = any($1::bytea[])',
        values: [leafHashes],
      });
      return new Set(rows.map((row) => row.leaf_hash.toString('hex')));
    },

    async head() {
      const { rows } = await client.query<{ size: string; root: Buffer }>({
        name: 'ledger-head',
        text: 'select size, root from ledger_checkpoint order by size desc limit 1',
      });
      const [row] = rows;
      return row === undefined ? null : { size: Number(row.size), root: row.root };
    },

    async tiles(refs) {
      const { rows } = await client.query<{ level: number; n: string; hashes: Buffer }>({
        name: 'ledger-tiles',
        text: `select t.level, t.n, t.hashes from unnest($1::int[], $2::bigint[]) as asked (level, n)
          join ledger_tile t on t.level = asked.level and t.n = asked.n`,
        values: [refs.map(({ level }) => level), refs.map(({ n }) => n)],
      });
      return refs.map(
        ({ level, n }) =>
          rows.find((row) => row.level === level && Number(row.n) === n)?.hashes ?? null,
      );
    },

    async append({ entries, tiles, checkpoint }) {
      await client.query({
        name: 'ledger-append',
        text: `insert into ledger_entry (idx, body, leaf_hash, type, subject_digest)
          select * from unnest($1::bigint[], $2::bytea[], $3::bytea[], $4::text[], $5::text[])`,
        values: [
          entries.map((entry) => entry.index),
          entries.map((entry) => entry.body),
          entries.map((entry) => entry.leafHash),
          entries.map((entry) => entry.type),
          entries.map((entry) => entry.subjectDigest),
        ],
      });
      await client.query({
        name: 'ledger-write-tiles',
        text: `insert into ledger_tile (level, n, hashes)
          select * from unnest($1::int[], $2::bigint[], $3::bytea[])
          on conflict (level, n) do update set hashes = excluded.hashes`,
        values: [
          tiles.map(({ level }) => level),
          tiles.map(({ n }) => n),
          tiles.map(({ hashes }) => hashes),
        ],
      });
      await client.query({
        name: 'ledger-write-checkpoint',
        text: 'insert into ledger_checkpoint (size, root, note) values ($1, $2, $3)',
        values: [checkpoint.size, checkpoint.root, checkpoint.note],
      });
    },

    async drop(ids) {
      await client.query({
        name: 'ledger-drop',
        text: 'delete from ledger_pending where id = any($1::bigint[])',
        values: [ids.map(String)],
      });
    },
  };
}
