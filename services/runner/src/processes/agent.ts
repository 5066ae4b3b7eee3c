import { ConfigurationError } from '@airlock/process/config';
import { startLoop } from '@airlock/process/loop';
import { runProcess } from '@airlock/process/main';
import { readPrivateKey } from '@airlock/process/private-key';
import { createControlPlane } from '../api/control-plane.ts';
import { RunnerConfig } from '../config.ts';
import { enterEdge } from '../edge/enter.ts';
import { readValidity } from '../edge/identity.ts';
import { chooseIsolation, nodePath } from '@airlock/build/isolation/choose';
import type { Attester } from '../attest.ts';
import { createBaitWatch } from '../bait-watch.ts';
import { createDayBudget } from '../day-budget.ts';
import { createEgressTally } from '../egress-tally.ts';
import { runJob } from '../run-job.ts';
import { machineImage } from '@airlock/build/machine-image';
import { prepareWorkDirectory } from '@airlock/build/workspace';
import { dirname, join } from 'node:path';

await runProcess({
  name: 'runner-agent',
  schema: RunnerConfig,
  switches: ['once'],
  async start(config, runtime) {
    const { log, signal } = runtime;
    // Before the isolation is tried out, which takes its time: without an identity there is no work.
    readValidity(config.controlPlane.identityFile, new Date());
    // The isolation is tried out in there.
    await prepareWorkDirectory(config.workDirectory, config.limits);
    const egress = config.egress === undefined ? null : createEgressTally();
    const bait = createBaitWatch();
    const isolation = await chooseIsolation(config, {
      onCarried: (counts) => egress?.add(counts),
      onSent: ({ host, port }) => bait.open('request', `${host}:${port}`),
      onEgress(decision) {
        log.info('egress', decision);
        egress?.decided(decision);
      },
      secretFiles: [config.attestation.keyFile, config.controlPlane.identityFile],
    });
    const attester = createAttester(config);
    const machine = await pinnedMachine(config);
    for (const { listedAs, root } of isolation.catalogue.images) {
      const digest = root.kind === 'host' ? machine : root.digest;
      log.info('runner.image', { image: listedAs, root: root.kind, digest: `sha256:${digest}` });
    }
    log.info('runner.identity', { runner: attester.runner, keyid: attester.key.keyid });
    // Last: whoever says hello is ready, and another process of this runner that still runs is not any more.
    const controlPlane = createControlPlane(await enterEdge(config, runtime));
    const budget = createDayBudget(
      config.budget.file ?? join(dirname(config.controlPlane.identityFile), 'built-today.json'),
      config.budget,
      () => new Date(),
    );
    await budget.end();
    let toldSpent: string | null = null;
    let reporting: Promise<unknown> = Promise.resolve();
    let failure: { readonly cause: unknown } | null = null;
    const ports = {
      ...{ controlPlane, isolation, attester, egress, bait, budget, log },
      machineImage: machine,
      ...{ workDirectory: config.workDirectory, limits: config.limits },
      now: () => new Date(),
    };
    const loop = startLoop({
      name: 'lease',
      intervalMs: config.pollSeconds * 1000,
      signal,
      log,
      async run() {
        throwFailure();
        const spent = await budget.spent();
        if (spent !== null && spent !== toldSpent) log.warn('budget.spent', { reason: spent });
        toldSpent = spent;
        if (spent !== null) return;
        const job = await controlPlane.lease(config.pool, signal);
        if (job === null) return;
        log.info('job.leased', { job: job.jobId, run: job.runId, lease: job.lease });
        // The next job is asked for beside the report of this one, and begins behind it.
        await reporting;
        const built = new Promise<void>((resolve) => {
          reporting = runJob(ports, job, signal, resolve).catch((cause: unknown) => {
            failure = { cause };
          });
        });
        const isLast = runtime.switches.has('once');
        await (isLast ? reporting : Promise.race([built, reporting]));
        throwFailure();
        if (isLast) runtime.stop();
        else loop.wake();
      },
    });
    /** Of a job or its report: before another is asked for, the loop waits. */
    function throwFailure(): void {
      if (failure === null) return;
      const { cause } = failure;
      failure = null;
      throw cause;
    }
    runtime.onClose(async () => {
      await loop.done;
      await reporting;
    });
  },
});

/** @throws ConfigurationError when the key cannot be read. */
function createAttester(config: RunnerConfig): Attester {
  const { keyid, privateKey } = readPrivateKey('attestation.keyFile', config.attestation.keyFile);
  return { runner: config.attestation.runner, key: { keyid, privateKey } };
}

/**
 * The digest of this machine's software.
 *
 * @throws ConfigurationError when it is not the one that is pinned.
 */
async function pinnedMachine(config: RunnerConfig): Promise<string> {
  const nodeBinary = config.nodeBinary === undefined ? null : nodePath(config.nodeBinary);
  const { digest } = await machineImage(nodeBinary);
  const pinned = config.image?.digest;
  if (pinned !== undefined && pinned !== `sha256:${digest}`) {
    throw new ConfigurationError(
      'configuration-refused',
      `image.digest: ${pinned} is pinned and this machine is sha256:${digest}; put the machine back, or pin the new digest here and in builders.images of the target files`,
    );
  }
  return digest;
}
