/** Wires the agent's connections to nonprod: says hello before anything else, and keeps the certificate from ending. */
import { ownPlatform } from '@airlock/build/platform';
import type { RunnerHello } from '@airlock/common/wire/runner-enrolment';
import { version } from '@airlock/process/build';
import { ConfigurationError } from '@airlock/process/config';
import { startLoop } from '@airlock/process/loop';
import type { Runtime } from '@airlock/process/main';
import { TlsError } from '@airlock/process/mtls';
import { setTimeout as sleep } from 'node:timers/promises';
import { ControlPlaneError } from '../api/answers.ts';
import type { RunnerConfig } from '../config.ts';
import { createEdgeCalls } from './calls.ts';
import { createConnection, type Connection } from './connection.ts';
import { stayEnrolled } from './stay-enrolled.ts';
import { toldEgress } from './told-egress.ts';

/** The certificate is looked at so often; renewal is due once in half of its life. */
const lookMs = 60_000;

/** @throws ConfigurationError when the identity or the CA cannot be read, or nonprod refuses it. */
export async function enterEdge(
  config: RunnerConfig,
  runtime: Runtime,
): Promise<{ url: string } & Pick<Connection, 'request' | 'identity'>> {
  const { controlPlane: files, isolation, labels } = config;
  const { log, signal } = runtime;
  const now = (): Date => new Date();
  const connection = connect(config);
  const calls = createEdgeCalls({ url: files.url, request: connection.request });
  const said: RunnerHello = {
    ...{ version, isolation, labels, platform: ownPlatform(), ...toldEgress(config) },
    once: runtime.switches.has('once'),
  };
  await introduce(() => calls.hello(said, signal), signal);
  const renewal = startLoop({
    name: 'renew-certificate',
    intervalMs: lookMs,
    ...{ signal, log },
    run: async () => {
      await stayEnrolled({ files, connection, calls, said, now, log, signal });
    },
  });
  runtime.onClose(async () => {
    await renewal.done;
    connection.close();
  });
  const { request, identity } = connection;
  return { url: files.url, request, identity };
}

function connect(config: RunnerConfig): Connection {
  try {
    return createConnection(config.controlPlane);
  } catch (error) {
    if (!(error instanceof TlsError)) throw error;
    throw new ConfigurationError('configuration-refused', `controlPlane: ${error.message}`, {
      cause: error,
    });
  }
}

/** Nonprod may start later than its runners; one that refuses is not asked again. */
async function introduce(hello: () => Promise<void>, signal: AbortSignal): Promise<void> {
  for (let attempt = 0; ; attempt += 1) {
    try {
      await hello();
      return;
    } catch (cause) {
      if (!(cause instanceof ControlPlaneError) || signal.aborted) throw cause;
      if (cause.code !== 'control-plane-unreachable') {
        throw new ConfigurationError(
          'configuration-refused',
          `controlPlane: ${cause.message}; airlock runner show tells more`,
          { cause },
        );
      }
      await sleep(Math.min(100 * 2 ** attempt, 5_000), undefined, { signal });
    }
  }
}
