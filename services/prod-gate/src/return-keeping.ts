/** Returns that people asked for become promotions: intake's part, put together. */
import { randomBytes } from 'node:crypto';
import type { Log } from '@airlock/process/log';
import { startLoop } from '@airlock/process/loop';
import type { GateDatabase } from './adapters/postgres/client.ts';
import { createReturnStore } from './adapters/postgres/return-store.ts';
import { takeReturns, type TakeReturnsDependencies } from './app/take-returns.ts';

/** Whoever asked waits for the answer on a page. */
const intervalMs = 500;

export function keepReturns(
  parts: Omit<TakeReturnsDependencies, 'returns' | 'transactor' | 'random' | 'onTaken'> & {
    readonly database: GateDatabase;
    readonly log: Log;
    readonly signal: AbortSignal;
  },
): { readonly done: Promise<unknown> } {
  const { database, log, signal } = parts;
  return startLoop({
    ...{ name: 'take-returns', intervalMs, signal, log },
    async run() {
      await takeReturns({
        ...parts,
        ...{ transactor: database, returns: createReturnStore(database), random: randomBytes },
        onTaken({ id, target, delivery, person }, outcome) {
          log.info('return.settled', { return: id, target, delivery, person, ...outcome });
        },
      });
    },
  });
}
