/**
 * What the gate reads: the outbox and the blobs it names. Writes what the gate reports back, and as the witness of the
 * gate's ledger the tree that it saw last.
 */
import { openArtifactStore } from '@airlock/artifacts/open-store';
import { openPool } from '@airlock/database/pool';
import { assertReachable } from '@airlock/database/reachable';
import { runProcess, type Runtime } from '@airlock/process/main';
import { poolConfig } from '@airlock/process/settings';
import { readWitnessKeys } from '../adapters/files/witness-keys.ts';
import { createMarksClient } from '../adapters/marks-client.ts';
import { createDatabase } from '../adapters/postgres/client.ts';
import { createOutboxReader, createStatusStore } from '../adapters/postgres/outbox-reader.ts';
import { createWitnessStore } from '../adapters/postgres/witness-store.ts';
import { OutboxConfig } from '../config.ts';
import { createEvents } from '../events.ts';
import { startMachineServer } from '@airlock/process/machine-server';
import { gateIdentity, outboxRoutes } from '../http/outbox-api.ts';
import { secretMarksRoutes } from '../http/secret-marks-api.ts';
import { witnessRoutes } from '../http/witness-api.ts';

await runProcess({ name: 'nonprod-outbox', schema: OutboxConfig, start });

async function start(config: OutboxConfig, runtime: Runtime): Promise<void> {
  const events = createEvents(runtime.log);
  const pool = openPool(poolConfig(config.database));
  runtime.onClose(() => pool.end());
  await assertReachable(pool, 'database');
  const db = createDatabase(pool);
  runtime.onClose(() => db.$disconnect());
  const blobs = openArtifactStore(config.artifacts);

  const server = await startMachineServer({
    setting: 'listener',
    listener: config.listener,
    routes: [
      ...outboxRoutes({
        outbox: createOutboxReader(db),
        statuses: createStatusStore(db),
        openVerified: (digest) => blobs.openVerified(digest),
      }),
      ...secretMarksRoutes(
        config.secrets === null
          ? () => Promise.resolve({ marks: [] })
          : createMarksClient(config.secrets.socketPath),
      ),
      ...witnessRoutes({
        ...readWitnessKeys(config.witness),
        witnesses: createWitnessStore(db),
        clock: () => new Date(),
        onInconsistent: (fault) => {
          events.ledgerInconsistent(fault);
        },
      }),
    ],
    mayCall: (caller) => caller === gateIdentity,
    onRefusedCaller: (caller) => {
      events.callerRefused(caller, 'outbox');
    },
    log: runtime.log,
  });
  runtime.onClose(() => server.close());
  runtime.listening(server.url);
}
