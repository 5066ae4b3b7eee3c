import { existsSync, realpathSync } from 'node:fs';
import { dirname } from 'node:path';
import { ConfigurationError } from '@airlock/process/config';
import { startLoop } from '@airlock/process/loop';
import { runProcess } from '@airlock/process/main';
import { mutualTlsAgent, TlsError } from '@airlock/process/mtls';
import { readPrivateKey } from '@airlock/process/private-key';
import type { Log } from '@airlock/process/log';
import { probeSandbox } from '@airlock/sandbox/probe';
import { createControlPlane } from '../api/control-plane.ts';
import { RunnerConfig } from '../config.ts';
import { bubblewrapIsolation } from '@airlock/build/isolation/bubblewrap';
import { missingPrograms, noIsolation } from '@airlock/build/isolation/none';
import type { Attester } from '../attest.ts';
import { runJob } from '../run-job.ts';
import { machineImage } from '@airlock/build/machine-image';
import { prepareWorkDirectory } from '@airlock/build/workspace';
import type { Isolation } from '@airlock/build/isolation/isolation';

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

/** @throws ConfigurationError when what was asked for cannot be had: a runner never falls back to less. */
async function chooseIsolation(config: RunnerConfig): Promise<Isolation> {
  const nodeBinary = config.nodeBinary === undefined ? null : nodePath(config.nodeBinary);
  if (config.isolation === 'none') {
    if (process.env['AIRLOCK_DEMO'] !== '1') {
      throw new ConfigurationError(
        'configuration-refused',
        'isolation: none runs the code of every pull request with the rights of this user; use isolation: bubblewrap (none is for the demo, with AIRLOCK_DEMO=1)',
      );
    }
    const missing = missingPrograms();
    if (missing.length === 0) return noIsolation(nodeBinary === null ? null : dirname(nodeBinary));
    throw new ConfigurationError(
      'configuration-refused',
      `isolation: none finds no ${missing.join(', no ')} on PATH; on Debian or Ubuntu run: apt-get install -y dash tar gzip; then start again`,
    );
  }
  const probe = await probeSandbox();
  if (probe.available) return bubblewrapIsolation(nodeBinary);
  throw new ConfigurationError(
    'configuration-refused',
    `isolation: bubblewrap does not work on this machine: ${probe.reason}; ${probe.remedy}`,
  );
}

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

function nodePath(file: string): string {
  if (existsSync(file)) return realpathSync(file);
  throw new ConfigurationError(
    'configuration-refused',
    `nodeBinary: ${file} does not exist; correct the path or leave the key out`,
  );
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
