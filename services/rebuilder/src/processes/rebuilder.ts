/** Asks the gate what to build again, builds it from its own mirror of main, and signs what came out. */
import { chooseIsolation, nodePath } from '@airlock/build/isolation/choose';
import { machineImage } from '@airlock/build/machine-image';
import { prepareWorkDirectory } from '@airlock/build/workspace';
import { createMirror } from '@airlock/git/mirror';
import { ConfigurationError } from '@airlock/process/config';
import { startLoop } from '@airlock/process/loop';
import { runProcess } from '@airlock/process/main';
import { mutualTlsAgent, TlsError } from '@airlock/process/mtls';
import { readPrivateKey } from '@airlock/process/private-key';
import { RebuilderConfig } from '../config.ts';
import { createGate } from '../gate-client.ts';
import { rebuild, type RebuildPorts } from '../rebuild.ts';
import type { RepositorySource } from '../recipe.ts';
import { createWorkList } from '../work-list.ts';

await runProcess({
  name: 'rebuilder',
  schema: RebuilderConfig,
  async start(config, runtime) {
    const { log, signal } = runtime;
    const { keyid, privateKey } = readPrivateKey('builder.keyFile', config.builder.keyFile);
    const isolation = await chooseIsolation(config, {
      onEgress(decision) {
        log.info('egress', decision);
      },
      secretFiles: [config.builder.keyFile, config.gate.keyFile],
    });
    const agent = connectAgent(config);
    const node = config.nodeBinary === undefined ? null : nodePath(config.nodeBinary);
    const { digest: machine } = await machineImage(node);
    await prepareWorkDirectory(config.workDirectory, config.limits);
    const ports: RebuildPorts = {
      gate: createGate({ url: config.gate.url, agent }),
      repositories: new Map(config.repositories.map((one) => [one.repository, sourceOf(one)])),
      ...{ isolation, workDirectory: config.workDirectory, limits: config.limits },
      machineImage: machine,
      ...{ builderId: config.builder.id, key: { keyid, privateKey } },
      timeoutSeconds: config.timeoutSeconds,
      maxArtifactBytes: config.maxArtifactBytes,
      now: () => new Date(),
    };
    log.info('rebuilder.identity', {
      builder: config.builder.id,
      keyid,
      image: `sha256:${machine}`,
    });
    const list = createWorkList();
    const loop = startLoop({
      name: 'rebuild',
      intervalMs: config.pollSeconds * 1000,
      signal,
      log,
      async run() {
        const wanted = list.next(await ports.gate.wanted(signal), ports.now());
        if (wanted === null) return;
        const { promotion, commit } = wanted;
        try {
          const { outcome, artifactDigest, keptAt, unsaid } = await rebuild(ports, wanted, signal);
          const fields = { promotion, commit, rebuilt: artifactDigest };
          if (outcome === 'agrees') log.info('rebuild.agrees', fields);
          else
            log.error('rebuild.differs', {
              ...fields,
              claimed: wanted.artifact.digest,
              keptAt,
              unsaid,
            });
        } catch (cause) {
          if (signal.aborted) return;
          list.failed(promotion, ports.now());
          const error = cause instanceof Error ? cause : new Error(String(cause));
          log.error('rebuild.failed', { promotion, commit, error });
        }
        loop.wake();
      },
    });
    runtime.onClose(async () => {
      await loop.done;
      agent.destroy();
    });
  },
});

function sourceOf(one: RebuilderConfig['repositories'][number]): RepositorySource {
  return {
    name: one.name,
    mirror: createMirror({
      directory: one.mirrorDirectory,
      url: one.url ?? one.repository,
      protocols: one.protocols,
    }),
  };
}

function connectAgent(config: RebuilderConfig) {
  try {
    return mutualTlsAgent(config.gate);
  } catch (error) {
    if (!(error instanceof TlsError)) throw error;
    throw new ConfigurationError('configuration-refused', `gate: ${error.message}`, {
      cause: error,
    });
  }
}
