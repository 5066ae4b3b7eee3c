/** Wires what the web process does with webhooks: whose they are, where they are written down, what is counted. */
import { readFileSync } from 'node:fs';
import { providers, type Provider } from '@airlock/common/webhook/provider';
import type { DatabasePool } from '@airlock/database/pool';
import { ConfigurationError } from '@airlock/process/config';
import { startLoop } from '@airlock/process/loop';
import type { Runtime } from '@airlock/process/main';
import {
  createWebhookIntake,
  type Hook,
  type RefusedDelivery,
  type TakeDelivery,
} from '@airlock/process/webhook-intake';
import { createCallerAddress } from '@airlock/web/caller';
import type { WebListen } from '@airlock/web/listen-settings';
import type { Intake } from '@airlock/web/server-options';
import { createHookRelayClient } from './adapters/hook-relay-client.ts';
import { createDeliveryStore } from './adapters/postgres/delivery-store.ts';
import type { Bell } from './app/ports.ts';
import type { RepositoryRow } from './app/source-ports.ts';
import { hookSecret } from './domain/webhook/hook-secret.ts';
import type { Events } from './events.ts';
import { createPullWebhooks } from './app/pull-webhooks.ts';
import { createTakeDelivery } from './app/take-delivery.ts';
import type { WebhookSettings } from './source-config.ts';

/** A new repository's hook is known within this time; asked for one that is not known, not more often than this. */
const freshMs = 1_000;
const countMs = 2_000;

export interface WebhookKeeping {
  readonly intake: Intake;
  readonly take: TakeDelivery;
  hookAt(provider: string, repository: string | null): Promise<Hook | null>;
  /** Null where no key is configured: repositories have no webhooks of their own then. */
  secretOf(repository: Pick<RepositoryRow, 'name' | 'provider' | 'hookGeneration'>): string | null;
}

/** @throws ConfigurationError when a secret or the key cannot be read or is too short. */
export function keepWebhooks(options: {
  readonly settings: WebhookSettings;
  readonly listen: WebListen;
  readonly repositories: { list(): Promise<readonly RepositoryRow[]> };
  readonly pool: DatabasePool;
  readonly bell: Bell;
  readonly events: Events;
  readonly runtime: Pick<Runtime, 'log' | 'signal' | 'onClose'>;
}): WebhookKeeping {
  const { settings, repositories, events } = options;
  const store = createDeliveryStore(options.pool);
  const key = settings.webhookKeyFile === null ? null : readKey(settings.webhookKeyFile);
  const ofInstallation = new Map<Provider, string>(
    settings.webhooks.map(({ provider, secretFile }) => [provider, readSecret(secretFile)]),
  );

  const secretOf: WebhookKeeping['secretOf'] = ({ name, provider, hookGeneration }) =>
    key === null || provider === null
      ? null
      : hookSecret(key, { provider, repository: name, generation: hookGeneration });

  let known: ReadonlyMap<string, Hook> = new Map();
  let readAt = -Infinity;
  let reading: Promise<void> | null = null;

  async function readHooks(): Promise<void> {
    const found = new Map<string, Hook>();
    for (const row of await repositories.list()) {
      const secret = secretOf(row);
      if (secret === null || row.provider === null) continue;
      const hook = { provider: row.provider, repository: row.name, secret };
      found.set(`${row.provider}/${row.name}`, hook);
    }
    known = found;
    readAt = performance.now();
  }

  async function hookAt(provider: string, repository: string | null): Promise<Hook | null> {
    const named = providers.find((each) => each === provider);
    if (named === undefined) return null;
    if (repository === null) {
      const secret = ofInstallation.get(named);
      return secret === undefined ? null : { provider: named, repository, secret };
    }
    if (performance.now() - readAt > freshMs) {
      reading ??= readHooks().finally(() => {
        reading = null;
      });
      await reading;
    }
    return known.get(`${named}/${repository}`) ?? null;
  }

  const counts = new Map<string, RefusedDelivery & { count: number }>();
  function onRefused(refused: RefusedDelivery): void {
    const id = `${refused.provider} ${refused.repository} ${refused.code}`;
    const before = counts.get(id);
    if (before === undefined) events.webhookRefused(refused);
    counts.set(id, { ...refused, count: (before?.count ?? 0) + 1 });
  }
  const counting = startLoop({
    name: 'count-webhook-refusals',
    intervalMs: countMs,
    signal: options.runtime.signal,
    log: options.runtime.log,
    async run() {
      const counted = [...counts.values()];
      counts.clear();
      await store.count(counted);
    },
  });
  options.runtime.onClose(() => counting.done);

  const take = createTakeDelivery({ deliveries: store, bell: options.bell, events, onRefused });
  const clock = (): Date => new Date();
  if (settings.hookRelay !== null) {
    const { signal, log } = options.runtime;
    const relay = createHookRelayClient(settings.hookRelay, signal);
    const pulling = startLoop({
      name: 'pull-webhooks',
      // It waits at the relay for as long as there is nothing.
      intervalMs: 50,
      signal,
      log,
      run: createPullWebhooks({ relay, hookAt, take, onRefused }),
    });
    options.runtime.onClose(async () => {
      await pulling.done;
      relay.close();
    });
  }
  return {
    intake: createWebhookIntake({
      hookAt,
      take,
      onRefused,
      sourceOf: createCallerAddress(options.listen),
      clock,
    }),
    take,
    hookAt,
    secretOf,
  };
}

function read(file: string, setting: string): Buffer {
  try {
    return readFileSync(file);
  } catch (cause) {
    throw new ConfigurationError(
      'configuration-unreadable',
      `${setting}: ${file} cannot be read; create it, readable by this process's user only`,
      { cause },
    );
  }
}

function readSecret(file: string): string {
  const secret = read(file, 'webhooks.secretFile').toString('utf8').trim();
  if (secret.length >= 16) return secret;
  throw new ConfigurationError(
    'configuration-refused',
    `webhooks.secretFile: ${file} holds fewer than 16 characters; make one with: openssl rand -hex 32`,
  );
}

function readKey(file: string): Buffer {
  const key = read(file, 'webhookKeyFile');
  if (key.length >= 32) return key;
  throw new ConfigurationError(
    'configuration-refused',
    `webhookKeyFile: ${file} holds fewer than 32 bytes; make one with: openssl rand -out FILE 32`,
  );
}
