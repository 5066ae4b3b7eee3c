/**
 * `npm test`: everything, in the order in which a fault is cheapest to find. One stage alone: `npm run test:unit` and so on.
 *
 * The integration tests share one Postgres cluster and one Redis on free ports, started here and ended here; the tests of the
 * running pair (attacks, faults, browser) share two pairs, which bring their own.
 */
import { spawn } from 'node:child_process';
import { globSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startPostgres } from '@airlock/testkit/postgres';
import { startRedis } from '@airlock/testkit/redis';
import {
  bubblewrap,
  nftables,
  chromium,
  ensureInstalled,
  installCommand,
  podman,
  uidmap,
  webProxies,
} from '@airlock/testkit/system-packages';
import { buildAll } from './build.ts';
import { obtainOpenBao } from './openbao.ts';

const root = join(import.meta.dirname, '..');
const stages = ['check', 'unit', 'integration', 'e2e'] as const;
type Stage = (typeof stages)[number];

const files: Record<Exclude<Stage, 'check'>, readonly string[]> = {
  unit: [
    'packages/*/src/**/*.test.{ts,tsx}',
    'services/*/src/**/*.test.{ts,tsx}',
    'deploy/**/*.test.ts',
    'bench/*.test.ts',
    'tests/{architecture,conformance,docs,interop}/**/*.test.ts',
  ],
  integration: [
    'packages/*/src/**/*.integration.test.ts',
    'services/*/src/**/*.integration.test.{ts,tsx}',
    'tests/{contract,crash}/**/*.test.ts',
  ],
  e2e: ['tests/{adversary,faults,e2e}/**/*.test.ts'],
};

function listed(stage: Exclude<Stage, 'check'>): readonly string[] {
  const found = files[stage].flatMap((pattern) => globSync(pattern, { cwd: root }));
  return found
    .filter(
      (file) => !file.includes('.tsbuild') && (stage !== 'unit' || !file.includes('.integration.')),
    )
    .sort();
}

function execute(args: readonly string[], env: Record<string, string>): Promise<boolean> {
  const child = spawn(process.execPath, args, {
    cwd: root,
    stdio: 'inherit',
    env: { ...process.env, ...env },
  });
  const forward = (signal: NodeJS.Signals): void => {
    child.kill(signal);
  };
  process.on('SIGTERM', forward);
  return new Promise((resolve) => {
    child.on('close', (code) => {
      process.off('SIGTERM', forward);
      resolve(code === 0);
    });
  });
}

const nodeTest = (
  stage: Exclude<Stage, 'check'>,
  env: Record<string, string> = {},
  testFiles = listed(stage),
): Promise<boolean> =>
  execute(
    [
      '--conditions=source',
      '--import',
      join(root, 'scripts/tsx-hooks.mjs'),
      '--disable-warning=ExperimentalWarning',
      '--test',
      '--test-reporter=./scripts/failures-reporter.mjs',
      '--test-reporter-destination=stdout',
      // Tests that share a running pair share a process.
      ...(stage === 'e2e' ? ['--test-isolation=none'] : ['--test-concurrency=2']),
      ...testFiles,
    ],
    env,
  );

/** Two running pairs beside each other, each for every other file: most of a test of a pair is waiting. */
async function onTwoPairs(): Promise<boolean> {
  const testFiles = listed('e2e');
  const ends = await Promise.all(
    [0, 1].map((pair) =>
      nodeTest(
        'e2e',
        {},
        testFiles.filter((_file, index) => index % 2 === pair),
      ),
    ),
  );
  return ends.every(Boolean);
}

async function sharedStack(
  work: (env: Record<string, string>) => Promise<boolean>,
): Promise<boolean> {
  const directory = mkdtempSync(join(tmpdir(), 'airlock-test-'));
  const postgres = await startPostgres({ directory: join(directory, 'postgres') });
  const redis = await startRedis({ directory: join(directory, 'redis') });
  console.log(
    `  postgres (${postgres.source}) on ${postgres.host}:${postgres.port}, redis (${redis.source}) at ${redis.url}`,
  );
  try {
    return await work({
      AIRLOCK_TEST_POSTGRES: JSON.stringify({
        host: postgres.host,
        port: postgres.port,
        user: postgres.superuser,
        password: postgres.password,
      }),
      AIRLOCK_TEST_REDIS: redis.url,
    });
  } finally {
    await redis.stop();
    await postgres.stop();
    rmSync(directory, { recursive: true, force: true });
  }
}

/** From the start of the run; the stages before the integration tests do not wait for it. */
const mostBuildSeconds = 240;

/** Says on which servers the contract suite runs; the tests find the binary by this variable. */
async function realVaultFor(
  openBao: ReturnType<typeof obtainOpenBao> | undefined,
): Promise<Record<string, string>> {
  if (openBao === undefined) return {};
  const { server, binary, how } = await openBao;
  console.log(
    `  contract suite: double; ${server === null ? `NOT RUN on a real Vault or OpenBao (${how})` : `${server} (${how})`}`,
  );
  return binary === null ? {} : { AIRLOCK_OPENBAO: binary };
}

async function runStage(stage: Stage): Promise<boolean> {
  const started = performance.now();
  console.log(`\n${stage}`);
  const ok =
    stage === 'check'
      ? await execute(['--conditions=source', join(root, 'scripts/check.ts')], {})
      : stage === 'integration'
        ? await sharedStack(async (env) =>
            nodeTest(stage, { ...env, ...(await realVaultFor(openBao)) }),
          )
        : stage === 'e2e'
          ? await onTwoPairs()
          : await nodeTest(stage);
  console.log(`${ok ? '✓' : '✗'} ${stage}  ${((performance.now() - started) / 1000).toFixed(0)} s`);
  return ok;
}

const wanted = process.argv[2];
const chosen = wanted === undefined ? stages : stages.filter((stage) => stage === wanted);
if (chosen.length === 0) {
  console.error(`airlock: no test stage ${wanted}; stages are ${stages.join(', ')}`);
  process.exit(2);
}
for (const each of [bubblewrap, chromium, podman, uidmap, nftables, ...webProxies]) {
  if ((await ensureInstalled(each)) === null) {
    console.log(
      `! ${each.debian} is missing: its tests ${process.env['CI'] ? 'fail' : 'are skipped'}. Install it: ${installCommand(each)}`,
    );
  }
}
const openBao = chosen.includes('integration')
  ? obtainOpenBao({ signal: AbortSignal.timeout(mostBuildSeconds * 1000) })
  : undefined;
await buildAll();
let ok = true;
for (const stage of chosen) ok = (await runStage(stage)) && ok;
process.exitCode = ok ? 0 : 1;
