/** The ledger for anybody who wants to verify it, in tlog-tiles form. Read-only and public: it holds digests and ids. */
import { route, type Route } from '@airlock/web/route';
import { HttpError } from '@airlock/web/problem';
import {
  entryBundle,
  parseLedgerPath,
  tileWidthAt,
  witnessedCheckpointPath,
} from '@airlock/common/ledger/tile';
import { tileWidth } from '@airlock/common/limits';
import type { Request, Response } from 'express';
import type { LedgerReader } from '../app/ledger-ports.ts';

const hashBytes = 32;

export function ledgerRoutes(ledger: LedgerReader): Route[] {
  const read = async (path: string): Promise<Buffer | string | null> => {
    const asked = parseLedgerPath(path);
    if (asked === null) return null;
    const checkpoint = await ledger.checkpoint();
    if (checkpoint === null) return null;
    if (asked.kind === 'checkpoint') return checkpoint.note;
    // Nothing is served that no checkpoint covers: what is not signed yet is nobody's promise.
    const level = asked.kind === 'tile' ? asked.level : 0;
    if (asked.width > tileWidthAt(level, asked.n, checkpoint.size)) return null;
    if (asked.kind === 'tile') {
      const hashes = await ledger.tile(level, asked.n);
      const wanted = asked.width * hashBytes;
      return hashes === null || hashes.length < wanted ? null : hashes.subarray(0, wanted);
    }
    const rows = await ledger.entries(asked.n * tileWidth, asked.width);
    return rows.length < asked.width ? null : entryBundle(rows.map(({ body }) => body));
  };

  const readWitnessed = async (): Promise<string | null> =>
    (await ledger.witnessed())?.note ?? null;

  async function answer(request: Request, response: Response): Promise<void> {
    const path = request.path.slice('/ledger/'.length);
    const found = await (path === witnessedCheckpointPath ? readWitnessed() : read(path));
    if (found === null) {
      throw new HttpError('not-found', 'The ledger has no such file at its size now.');
    }
    response.type(
      typeof found === 'string' ? 'text/plain; charset=utf-8' : 'application/octet-stream',
    );
    // Auditors read from anywhere; there is nothing in it that a signature does not already make public.
    response.setHeader('cross-origin-resource-policy', 'cross-origin');
    response.send(found);
  }

  return [
    route({
      name: 'read-checkpoint',
      method: 'get',
      path: '/ledger/checkpoint',
      access: 'public',
      summary: 'The signed size and root of the ledger.',
      handle: answer,
    }),
    route({
      name: 'read-witnessed-checkpoint',
      method: 'get',
      path: `/ledger/${witnessedCheckpointPath}`,
      access: 'public',
      summary:
        'The largest checkpoint that a witness has cosigned; the newest one may be waiting for it.',
      handle: answer,
    }),
    route({
      name: 'read-tile',
      method: 'get',
      path: '/ledger/tile/*path',
      access: 'public',
      summary: 'Hashes or entries of the ledger, in tlog-tiles form.',
      handle: answer,
    }),
  ];
}
