/** The pair that is attacked, as its directory describes it: what an attacker finds out anyway, and the doors to try. */
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import { z } from 'zod';
import { CliError, exitCode } from '../exit-codes.ts';

const Web = z.looseObject({
  origin: z.string(),
  runnerApi: z.looseObject({ host: z.string(), port: z.int() }),
  runnerEdge: z.looseObject({ enrolment: z.looseObject({ url: z.string() }) }),
  repository: z.looseObject({ name: z.string(), url: z.string(), mainBranch: z.string() }),
  webhooks: z.array(z.looseObject({ provider: z.string(), secretFile: z.string() })),
});
const GateWeb = z.looseObject({ origin: z.string() });
const Runner = z.looseObject({ workDirectory: z.string(), pool: z.string() });

export interface DrillTarget {
  /** Everything of the pair lies below it. */
  readonly directory: string;
  readonly nonprod: string;
  readonly gate: string;
  readonly runnerApi: string;
  readonly enrolment: string;
  readonly repository: {
    readonly name: string;
    readonly bareDirectory: string;
    readonly main: string;
  };
  /** The forge's own secret: a drill signs with it what an honest forge would have signed. */
  readonly webhookSecret: string;
  readonly runnerWork: string;
  readonly pool: string;
}

/**
 * A pair that runs from this directory on this machine, as the demo does from `.demo`.
 *
 * @throws CliError `notAllowed` when none is described there. Drills push, build and set secrets: they are for a pair that
 *   nobody works with.
 */
export function drillTarget(directory: string): DrillTarget {
  const read = (name: string): unknown => {
    const file = join(directory, 'config', `${name}.yaml`);
    if (!existsSync(file)) {
      throw new CliError(
        exitCode.notAllowed,
        `no pair runs from ${directory} (${file} is missing); start one with npm run demo, or name its directory with --pair`,
      );
    }
    return parse(readFileSync(file, 'utf8'), { maxAliasCount: 0 });
  };
  const web = Web.parse(read('nonprod-web'));
  const runner = Runner.parse(read('runner'));
  const hook = web.webhooks.find(({ provider }) => provider === 'github');
  if (hook === undefined || !web.repository.url.startsWith('file:')) {
    throw new CliError(
      exitCode.notAllowed,
      'drills need the demo’s set-up: a repository on this machine and a webhook of github',
    );
  }
  return {
    directory: resolve(directory),
    nonprod: web.origin,
    gate: GateWeb.parse(read('gate-web')).origin,
    runnerApi: `https://${web.runnerApi.host}:${web.runnerApi.port}`,
    enrolment: web.runnerEdge.enrolment.url,
    repository: {
      name: web.repository.name,
      bareDirectory: fileURLToPath(web.repository.url),
      main: web.repository.mainBranch,
    },
    webhookSecret: readFileSync(hook.secretFile, 'utf8').trim(),
    runnerWork: runner.workDirectory,
    pool: runner.pool,
  };
}
