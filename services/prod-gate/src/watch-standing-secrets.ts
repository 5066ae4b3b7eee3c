import { startLoop } from '@airlock/process/loop';
import type { Runtime } from '@airlock/process/main';
import { standingSecrets } from './adapters/files/standing-secrets.ts';
import type { GateDatabase } from './adapters/postgres/client.ts';
import { createSecretMarkStore } from './adapters/postgres/secret-mark-store.ts';
import { nonprodKnowledge } from './app/known-to-nonprod.ts';
import { standingSecretKnown } from './events.ts';

const intervalMs = 60_000;

/**
 * Tells, once each, of every password and key in this process's configuration that nonprod keeps among its secrets. It stops
 * nothing: a gate that stands still replaces no password.
 */
export function watchStandingSecrets(
  config: object,
  { database, runtime }: { readonly database: GateDatabase; readonly runtime: Runtime },
): void {
  const told = new Set<string>();
  const know = nonprodKnowledge({
    marks: createSecretMarkStore(database),
    clock: () => new Date(),
  });
  const loop = startLoop({
    name: 'standing-secrets',
    intervalMs,
    signal: runtime.signal,
    log: runtime.log,
    async run() {
      for (const { setting, value } of standingSecrets(config)) {
        const knowledge = await know(value);
        if (knowledge.known !== true || told.has(setting)) continue;
        told.add(setting);
        standingSecretKnown(runtime.log, { setting, secret: knowledge.secret });
      }
    },
  });
  runtime.onClose(() => loop.done);
}
