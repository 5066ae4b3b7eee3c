/**
 * Follows the ledger from its first entry: every entry is hashed into a tree of this process's own, and what the entries
 * say counts only once that tree has the root of a signed checkpoint. So nobody who owns Postgres can change, leave out or
 * re-order what a decision rests on, and a ledger set back to an earlier size is seen by whoever followed it further.
 */
import { appendLeaves } from '@airlock/common/ledger/append';
import { openCheckpoint } from '@airlock/common/ledger/checkpoint';
import { parseLedgerEntry } from '@airlock/common/ledger/entry';
import { AirlockError } from '@airlock/common/errors';
import { LedgerError } from '@airlock/common/ledger/ledger-error';
import { parseVkey } from '@airlock/common/ledger/note';
import type { Tile } from '@airlock/common/ledger/tile';
import { emptyRoot, leafHash } from '@airlock/common/ledger/tree';
import type { LedgerEvent } from '../domain/incident.ts';
import { createLedgerFold, isFolded, type LedgerFacts } from '../domain/ledger-facts.ts';
import type { LedgerReader, LedgerRow } from './ledger-ports.ts';

const entriesAtOnce = 4096;

export type FollowLedger = () => Promise<LedgerFacts>;

/** How far a process has followed: a signed checkpoint whose every entry it has hashed. */
export type FollowedTree = { readonly size: number; readonly root: Buffer };

/** As `followTree`, for who needs the facts alone. */
export function followLedger(given: Parameters<typeof followTree>[0]): FollowLedger {
  const follow = followTree(given);
  return async () => (await follow()).facts;
}

/**
 * @returns a function that catches up with the newest checkpoint and tells the facts up to there, and the tree that they are
 *   in. The first call reads the whole ledger, every later one what has come since; those who ask while somebody else waits
 *   for his turn share it.
 * @throws LedgerError (the function) when the checkpoint is not signed by the ledger's key, its entries are not under it, or
 *   it does not continue what this process has seen. Nothing is taken over then.
 */
export function followTree(given: {
  ledger: Pick<LedgerReader, 'checkpoint' | 'entries'>;
  vkey: string;
}): () => Promise<{ readonly facts: LedgerFacts; readonly tree: FollowedTree }> {
  const { ledger } = given;
  const verifier = parseVkey(given.vkey.trim());
  const facts = createLedgerFold();
  let seen: { size: number; root: Buffer; edge: readonly Tile[] } = {
    size: 0,
    root: emptyRoot(),
    edge: [],
  };
  type Followed = { readonly facts: LedgerFacts; readonly tree: FollowedTree };
  let opened: { readonly note: string; readonly head: FollowedTree } | null = null;
  let turn: Promise<unknown> = Promise.resolve();
  let waiting: Promise<Followed> | null = null;

  async function newestHead(): Promise<FollowedTree> {
    const row = await ledger.checkpoint();
    if (row === null) return { size: 0, root: emptyRoot() };
    // The same bytes under the same key.
    if (opened?.note === row.note) return opened.head;
    const head = openCheckpoint(Buffer.from(row.note, 'utf8'), verifier);
    opened = { note: row.note, head };
    return head;
  }

  async function catchUp(): Promise<Followed> {
    const head = await newestHead();
    if (head.size < seen.size) {
      throw new LedgerError(
        'consistency-invalid',
        `the newest checkpoint has ${head.size} entries; this process has followed ${seen.size}`,
      );
    }
    let { size, root, edge } = seen;
    const news: LedgerEvent[] = [];
    while (size < head.size) {
      const rows = await ledger.entries(size, Math.min(entriesAtOnce, head.size - size));
      if (rows.length === 0 || rows.some(({ index }, at) => index !== size + at)) {
        throw new LedgerError('root-mismatch', `entry ${size} or one behind it is missing`);
      }
      ({ size, root, edge } = appendLeaves(
        edge,
        size,
        rows.map(({ body }) => leafHash(body)),
      ));
      for (const row of rows) if (isFolded(row.body)) news.push(...readable(row));
    }
    if (!root.equals(head.root)) {
      throw new LedgerError(
        'root-mismatch',
        `the ${size} entries in the database are not those of the signed checkpoint`,
      );
    }
    for (const { entry, index } of news) facts.apply(entry, index);
    seen = { size, root, edge };
    return { facts, tree: { size, root } };
  }

  return () => {
    if (waiting !== null) return waiting;
    const result = turn.then(() => {
      waiting = null;
      return catchUp();
    });
    waiting = result;
    turn = result.catch(() => {});
    return result;
  };
}

/** As the sequencer does: what only begins like an entry says nothing, so that nobody stops all decisions by writing one. */
function readable({ index, body }: LedgerRow): LedgerEvent[] {
  try {
    return [{ index, entry: parseLedgerEntry(body) }];
  } catch (cause) {
    if (cause instanceof AirlockError) return [];
    throw cause;
  }
}
