/** One entry of the ledger, with the proof that it is in there. */
import { LedgerError } from '@airlock/common/ledger/ledger-error';
import { sendPage } from '@airlock/web/page';
import { HttpError } from '@airlock/web/problem';
import { route, type Route } from '@airlock/web/route';
import { frameOf } from '@airlock/web/server';
import type { Request } from 'express';
import type { EntryReceipt, LedgerProofs } from '../../app/prove-entry.ts';
import { LedgerEntryPage } from '../views/ledger-entry-page.tsx';
import { readable } from '../views/ledger-page.tsx';

export interface LedgerEntryPorts {
  readonly proofs: Pick<LedgerProofs, 'receipt'>;
  readonly origin: string;
  readonly now: () => Date;
}

export function ledgerEntryRoutes({ proofs, origin, now }: LedgerEntryPorts): Route[] {
  /** What cannot be proven is not shown: it would look like an entry. */
  const proven = async (request: Request): Promise<EntryReceipt> => {
    const index = indexIn(request);
    try {
      const found = await proofs.receipt(index);
      if (found !== null) return found;
    } catch (cause) {
      if (!(cause instanceof LedgerError)) throw cause;
      throw new HttpError(
        'dependency-unavailable',
        `The ledger cannot be proven now (${cause.code}: ${cause.message}), so that no entry of it is shown. Somebody of platform compares the checkpoints that people kept.`,
        { cause },
      );
    }
    throw new HttpError('not-found', `No signed checkpoint reaches entry ${index}; see /ledger.`);
  };
  return [
    route({
      name: 'show-ledger-entry',
      method: 'get',
      path: '/ledger/:n',
      access: 'signed-in',
      summary: 'One entry of the ledger, and its receipt.',
      async handle(request, response, context) {
        const [found, frame] = await Promise.all([proven(request), frameOf(request, context)]);
        sendPage(response, LedgerEntryPage({ frame, ...found, origin, now: now() }));
      },
    }),
    route({
      name: 'read-ledger-entry',
      method: 'get',
      path: '/api/v1/ledger/:n',
      access: 'signed-in',
      summary: 'The same by machine.',
      async handle(request, response) {
        const { row, size, receipt } = await proven(request);
        response.json({
          ...{ index: row.index, entry: readable(row), body: row.body.toString('base64') },
          ...{ leafHash: row.leafHash, size, receipt },
        });
      },
    }),
  ];
}

function indexIn(request: Request): number {
  const text = String(request.params['n']);
  if (/^(0|[1-9]\d{0,14})$/.test(text)) return Number(text);
  throw new HttpError('not-found', 'Entries of the ledger have numbers; see /ledger.');
}
