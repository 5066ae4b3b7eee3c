/** The deliverer's loop that looks at what runs on the targets. */
import { randomBytes } from 'node:crypto';
import { startLoop, type Loop } from '@airlock/process/loop';
import type { Runtime } from '@airlock/process/main';
import { recorder } from './adapters/postgres/ledger-store.ts';
import { createObservationStore } from './adapters/postgres/observation-store.ts';
import type { GateDatabase } from './adapters/postgres/client.ts';
import { observeTargets, type ObserveDependencies } from './app/observe-targets.ts';

/** Whether a look is due is asked this often; how often one is, the target file says. */
const askEveryMs = 1_000;

type Sources = Pick<
  ObserveDependencies,
  'files' | 'ledger' | 'deliveries' | 'stops' | 'emergency' | 'hooks'
>;

export function keepObserving(
  { log, signal, database }: Pick<Runtime, 'log' | 'signal'> & { readonly database: GateDatabase },
  sources: Sources,
): Loop {
  const dependencies: ObserveDependencies = {
    ...{ ...sources, recorder, transactor: database, randomBytes, random: Math.random },
    observations: createObservationStore(database),
    clock: () => new Date(),
    onChange: ({ target, sight, reason, running }) => {
      const seen = { target, sight, running: running.join(' '), reason: reason ?? '' };
      if (sight === 'same') log.info('target.observed', seen);
      else log.warn('target.observed', seen);
    },
  };
  return startLoop({
    ...{ name: 'observe', intervalMs: askEveryMs, signal, log },
    run: () => observeTargets(dependencies, signal),
  });
}
