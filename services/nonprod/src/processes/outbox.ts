/** What the gate reads: the outbox and the blobs it names. Writes nothing but what the gate reports back. */
import { openArtifactStore } from '@airlock/artifacts/open-store';
import { openPool } from '@airlock/database/pool';
import { assertReachable } from '@airlock/database/reachable';
import { runProcess, type Runtime } from '@airlock/process/main';
import { poolConfig } from '@airlock/process/settings';
import { createDatabase } from '../adapters/postgres/client.ts';
import { createOutboxReader, createStatusStore } from '../adapters/postgres/outbox-reader.ts';
import { OutboxConfig } from '../config.ts';
import { createEvents } from '../events.ts';
import { startMachineServer } from '@airlock/process/machine-server';
import { gateIdentity, outboxRoutes } from '../http/outbox-api.ts';

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
    routes: outboxRoutes({
      outbox: createOutboxReader(db),
      statuses: createStatusStore(db),
      openVerified: (digest) => blobs.openVerified(digest),
    }),
    mayCall: (caller) => caller === gateIdentity,
    onRefusedCaller: (caller) => {
      events.callerRefused(caller, 'outbox');
    },
    log: runtime.log,
  });
  runtime.onClose(() => server.close());
  runtime.listening(server.url);
}
