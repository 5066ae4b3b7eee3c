/** Asking for a return, put together for the gate's pages. */
import { randomBytes } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { formatId } from '@airlock/common/ids';
import type { GateDatabase } from './adapters/postgres/client.ts';
import { createReturnStore } from './adapters/postgres/return-store.ts';
import { createReturning, type Returning, type ReturningPorts } from './app/ask-return.ts';
import type { LedgerProofs } from './app/prove-entry.ts';

export function openReturning(
  parts: Omit<ReturningPorts, 'returns' | 'ledger' | 'newReturnId' | 'pause' | 'database'> & {
    readonly database: GateDatabase;
    readonly proofs: LedgerProofs;
  },
): Returning {
  return createReturning({
    ...{ ...parts, returns: createReturnStore(parts.database), ledger: parts.proofs.facts },
    newReturnId: () => formatId('ret', randomBytes(10)),
    pause: (milliseconds) => pause(milliseconds),
  });
}
