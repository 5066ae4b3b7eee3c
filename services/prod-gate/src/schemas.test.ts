/** The committed schemas are those of this code; `--test-update-snapshots` writes them anew. */
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import {
  configurationFileNames,
  configurationSchema,
  schemaOf,
} from '@airlock/process/configuration-schemas';
import { AuthorityConfig } from './config-authority.ts';
import { DelivererConfig } from './config-delivery.ts';
import { IntakeConfig } from './config-intake.ts';
import { WatchdogConfig } from './config-watchdog.ts';
import { WebConfig } from './config-web.ts';

const directory = join(import.meta.dirname, '../schema');
const processes = {
  authority: AuthorityConfig,
  deliverer: DelivererConfig,
  intake: IntakeConfig,
  watchdog: WatchdogConfig,
  web: WebConfig,
};
const schemas = new Map([
  ...configurationFileNames.map((name) => [name, configurationSchema(name)] as const),
  ...Object.entries(processes).map(
    ([name, schema]) => [`gate-${name}`, schemaOf(`Airlock gate-${name}`, schema)] as const,
  ),
]);

for (const [name, schema] of schemas) {
  test(`the committed schema of ${name} is the one of this code`, (context) => {
    context.assert.fileSnapshot(schema, join(directory, `${name}.v1.json`), {
      serializers: [(value: unknown) => JSON.stringify(value, null, 2)],
    });
  });
}

test('a schema is committed for each of these and for nothing else', () => {
  const committed = readdirSync(directory).toSorted();
  assert.deepEqual(committed, [...schemas.keys()].map((name) => `${name}.v1.json`).toSorted());
});
