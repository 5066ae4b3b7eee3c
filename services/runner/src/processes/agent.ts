import { ConfigurationError } from '@airlock/process/config';
import { startLoop } from '@airlock/process/loop';
import { runProcess } from '@airlock/process/main';
import { mutualTlsAgent, TlsError } from '@airlock/process/mtls';
import { readPrivateKey } from '@airlock/process/private-key';
import type { Log } from '@airlock/process/log';
import { createControlPlane } from '../api/control-plane.ts';
import { RunnerConfig } from '../config.ts';
import { chooseIsolation, nodePath } from '@airlock/build/isolation/choose';
import type { Attester } from '../attest.ts';
import { runJob } from '../run-job.ts';
import { machineImage } from '@airlock/build/machine-image';
import { prepareWorkDirectory } from '@airlock/build/workspace';

await runProcess({
  name: 'runner-agent',
  schema: RunnerConfig,
  async start(config, runtime) {
    const { log, signal } = runtime;
    const isolation = await chooseIsolation(config);
    const agent = connectAgent(config);
    const controlPlane = createControlPlane({ url: config.controlPlane.url, agent });
    await prepareWorkDirectory(config.workDirectory);
    const attester = await createAttester(config, log);
    const ports = {
      ...{ controlPlane, isolation, attester, log },
      workDirectory: config.workDirectory,
      now: () => new Date(),
    };
    const loop = startLoop({
      name: 'lease',
      intervalMs: config.pollSeconds * 1000,
      signal,
      log,
      async run() {
        const job = await controlPlane.lease(config.pool, signal);
        if (job === null) return;
        log.info('job.leased', { job: job.jobId, run: job.runId, lease: job.lease });
        await runJob(ports, job, signal);
        loop.wake();
      },
    });
    runtime.onClose(async () => {
      await loop.done;
      agent.destroy();
    });
  },
});

/** @throws ConfigurationError when the key cannot be read, or the machine is not the one that is pinned. */
async function createAttester(config: RunnerConfig, log: Log): Promise<Attester> {
  const { keyid, privateKey } = readPrivateKey('attestation.keyFile', config.attestation.keyFile);
  const nodeBinary = config.nodeBinary === undefined ? null : nodePath(config.nodeBinary);
  const { digest } = await machineImage(nodeBinary);
  const pinned = config.image?.digest;
  if (pinned !== undefined && pinned !== `sha256:${digest}`) {
    throw new ConfigurationError(
      'configuration-refused',
      `image.digest: ${pinned} is pinned and this machine is sha256:${digest}; put the machine back, or pin the new digest here and in builders.images of the target files`,
    );
  }
  const { runner } = config.attestation;
  log.info('runner.image', { runner, keyid, image: `sha256:${digest}` });
  return { runner, key: { keyid, privateKey }, image: digest };
}

function connectAgent(config: RunnerConfig) {
  try {
    return mutualTlsAgent(config.controlPlane);
  } catch (error) {
    if (!(error instanceof TlsError)) throw error;
    throw new ConfigurationError('configuration-refused', `controlPlane: ${error.message}`, {
      cause: error,
    });
  }
}
