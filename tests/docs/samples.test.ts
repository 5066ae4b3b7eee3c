/** The sample configurations below deploy/examples/config are what their processes take, and together what the doctor asks for. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { test } from 'node:test';
import { examine } from '@airlock/cli/doctor';
import { shared } from '@airlock/cli/doctor/exposure';
import { readInstallation } from '@airlock/cli/doctor/installation';
import { readConfig } from '@airlock/process/config';
import type { ZodType } from 'zod';
import { RelayConfig } from '../../services/hook-relay/src/config.ts';
import { OutboxConfig, SchedulerConfig, WebConfig } from '../../services/nonprod/src/config.ts';
import { AuthorityConfig } from '../../services/prod-gate/src/config-authority.ts';
import { DelivererConfig } from '../../services/prod-gate/src/config-delivery.ts';
import { IntakeConfig } from '../../services/prod-gate/src/config-intake.ts';
import { WatchdogConfig } from '../../services/prod-gate/src/config-watchdog.ts';
import { WebConfig as GateWebConfig } from '../../services/prod-gate/src/config-web.ts';
import { RebuilderConfig } from '../../services/rebuilder/src/config.ts';
import { RunnerConfig } from '../../services/runner/src/config.ts';
import { SignerConfig } from '../../services/signer/src/config.ts';

const samples = join(import.meta.dirname, '../../deploy/examples/config');

const schemas: Readonly<Record<string, ZodType>> = {
  'nonprod-web': WebConfig,
  'nonprod-scheduler': SchedulerConfig,
  'nonprod-outbox': OutboxConfig,
  signer: SignerConfig,
  runner: RunnerConfig,
  'gate-web': GateWebConfig,
  'gate-intake': IntakeConfig,
  'gate-authority': AuthorityConfig,
  'gate-deliverer': DelivererConfig,
  'gate-watchdog': WatchdogConfig,
  rebuilder: RebuilderConfig,
  'hook-relay': RelayConfig,
};

const files = readdirSync(samples, { recursive: true, encoding: 'utf8' }).filter((name) =>
  name.endsWith('.yaml'),
);

test('B6: there is a sample for each process that has a configuration', () => {
  assert.deepEqual(
    files.map((file) => basename(file, '.yaml')).toSorted(),
    Object.keys(schemas).toSorted(),
  );
});

for (const [name, schema] of Object.entries(schemas)) {
  test(`B6: ${name} takes its sample as it is`, () => {
    const file = files.find((each) => basename(each, '.yaml') === name) ?? '';
    const path = join(samples, file);
    assert.deepEqual(readConfig(schema, readFileSync(path, 'utf8'), path).faults, []);
  });
}

test('B6: the samples of a host pass what can be seen of a configuration alone', async () => {
  const asked = ['configuration', 'bind', 'gate-wall', 'security-contact', 'split'];
  for (const host of ['nonprod', 'runner', 'gate', 'rebuilder']) {
    for (const { id, status, summary } of await examine(
      await readInstallation(join(samples, host)),
      asked,
    )) {
      assert.notEqual(status, 'fail', `${host}, ${id}: ${summary}`);
    }
  }
});

test('B6: the samples of the two sides name no database, no Redis and no server of the other’s', async () => {
  const both = await readInstallation(samples);
  // Each host has files of its own below /etc/airlock; what is named by its address is the same wherever it is named.
  assert.deepEqual(
    shared(both).filter((what) => /^(database|redis) /.test(what)),
    [],
  );
});
