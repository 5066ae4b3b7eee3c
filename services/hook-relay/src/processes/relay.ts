/** Takes webhooks where the internet reaches it, and keeps them until nonprod has fetched them. Connects to nothing. */
import { readFileSync } from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { ConfigurationError } from '@airlock/process/config';
import { startMachineServer } from '@airlock/process/machine-server';
import { runProcess, type Runtime } from '@airlock/process/main';
import { createWebhookIntake, webhookPrefix } from '@airlock/process/webhook-intake';
import { RelayConfig } from '../config.ts';
import { nonprodIdentity, pullRoutes } from '../pull-api.ts';
import { networks, sourceAddress } from '@airlock/process/networks';
import { openSpool } from '../spool.ts';
import { createTake } from '../take.ts';

await runProcess({ name: 'hook-relay', schema: RelayConfig, start });

async function start(config: RelayConfig, runtime: Runtime): Promise<void> {
  const { log } = runtime;
  const spool = await openSpool(config.spool);
  const hooks = new Map(
    config.hooks.map(({ provider, repository, secretFile, from }) => [
      repository === null ? provider : `${provider}/${repository}`,
      { hook: { provider, repository, secret: readSecret(secretFile) }, networks: networks(from) },
    ]),
  );
  const keyOf = (provider: string, repository: string | null): string =>
    repository === null ? provider : `${provider}/${repository}`;
  const proxies = networks(config.listen.proxies);
  const spooled = createTake(spool);
  const intake = createWebhookIntake({
    hookAt: (provider, repository) =>
      Promise.resolve(hooks.get(keyOf(provider, repository))?.hook ?? null),
    async take(delivery) {
      const answer = await spooled(delivery);
      const { provider, repository } = delivery.hook;
      log[answer.status === 202 ? 'info' : 'warn']('webhook.relayed', {
        'airlock.webhook.provider': provider,
        'airlock.repository': repository ?? '',
        'source.address': delivery.from,
        'event.outcome': answer.code,
      });
      return answer;
    },
    sourceOf: (request) =>
      sourceAddress(
        request.socket.remoteAddress ?? '',
        request.headersDistinct['x-forwarded-for']?.join(','),
        proxies,
      ),
    maySend: ({ provider, repository }, from) =>
      hooks.get(keyOf(provider, repository))?.networks.has(from) === true,
    onRefused({ provider, repository, code, from }) {
      log.warn('webhook.refused', {
        'airlock.webhook.provider': provider,
        'airlock.repository': repository,
        'source.address': from,
        'event.reason': code,
      });
    },
    clock: () => new Date(),
  });

  const answer: RequestListener = (request, response) => {
    response.setHeader('cache-control', 'no-store');
    if (request.url?.startsWith(webhookPrefix) !== true) {
      response.writeHead(404, { connection: 'close' }).end();
      return;
    }
    intake.handle(request, response).catch((cause: unknown) => {
      const error = cause instanceof Error ? cause : new Error(String(cause));
      log.error('webhook.failed', { error });
      if (response.headersSent) response.destroy();
      else response.writeHead(500, { connection: 'close' }).end();
    });
  };
  runtime.listening(await listen(config.listen, answer, runtime));

  const pull = await startMachineServer({
    listener: config.pull,
    setting: 'pull',
    routes: pullRoutes(spool),
    mayCall: (caller) => caller === nonprodIdentity,
    onRefusedCaller(caller) {
      log.warn('caller.refused', { 'airlock.caller': caller ?? 'no identity' });
    },
    log,
  });
  runtime.onClose(() => pull.close());
  runtime.listening(pull.url);
}

async function listen(
  { host, port, tls }: RelayConfig['listen'],
  answer: RequestListener,
  runtime: Runtime,
): Promise<string> {
  const limits = { headersTimeout: 10_000, requestTimeout: 30_000, maxHeaderSize: 16_384 };
  const server =
    tls === null
      ? createServer(limits, answer)
      : createTlsServer(
          {
            ...limits,
            cert: read(tls.certificateFile, 'listen.tls.certificateFile'),
            key: read(tls.keyFile, 'listen.tls.keyFile'),
            minVersion: 'TLSv1.2',
          },
          answer,
        );
  server.maxConnections = 500;
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause) => {
      reject(
        new ConfigurationError(
          'configuration-refused',
          `listen: cannot listen on ${host}:${port} (${cause.message}); free the port or change listen.port`,
          { cause },
        ),
      );
    });
    server.listen(port, host, resolve);
  });
  runtime.onClose(
    () =>
      new Promise<void>((resolve) => {
        server.close(() => {
          resolve();
        });
        server.closeAllConnections();
      }),
  );
  return `${tls === null ? 'http' : 'https'}://${host}:${port}`;
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
  const secret = read(file, 'hooks.secretFile').toString('utf8').trim();
  if (secret.length >= 16) return secret;
  throw new ConfigurationError(
    'configuration-refused',
    `hooks.secretFile: ${file} holds fewer than 16 characters; take the secret that nonprod shows`,
  );
}
