import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';

const run = promisify(execFile);
const root = join(import.meta.dirname, '../..');
const cruiser = join(root, 'node_modules/dependency-cruiser/bin/dependency-cruise.mjs');
const tsc = join(root, 'node_modules/typescript/bin/tsc');

interface Cruise {
  summary: { violations: { rule: { name: string }; from: string; to: string }[] };
}

async function violations(...paths: string[]): Promise<string[]> {
  const { stdout } = await run(
    process.execPath,
    [cruiser, '--config', '.dependency-cruiser.mjs', '--output-type', 'json', ...paths],
    { cwd: root, maxBuffer: 256 * 1024 * 1024 },
  ).catch((error: unknown) => error as { stdout: string });
  // dependency-cruiser's documented JSON output.
  const cruise = JSON.parse(stdout) as Cruise;
  return cruise.summary.violations.map(({ rule, from, to }) => `${rule.name}: ${from} → ${to}`);
}

/** Plants one file, runs `work`, removes it again whatever happens. */
async function withPlanted<T>(file: string, content: string, work: () => Promise<T>): Promise<T> {
  const path = join(root, file);
  assert.ok(!existsSync(path), `${file} must not exist`);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, content);
  try {
    return await work();
  } finally {
    await rm(path);
  }
}

test('no import crosses a wall', async () => {
  assert.deepEqual(await violations('packages', 'services', 'deploy'), []);
});

const planted = [
  {
    wall: 'prod-gate-never-imports-nonprod',
    file: 'services/prod-gate/src/domain/planted.ts',
    content: "import '../../../nonprod/src/config.ts';\n",
  },
  {
    wall: 'services-do-not-share-code',
    file: 'services/runner/src/planted.ts',
    content: "import '../../signer/src/config.ts';\n",
  },
  {
    wall: 'common-is-pure',
    file: 'packages/common/src/planted.ts',
    content: "import { readFileSync } from 'node:fs';\nexport const planted = readFileSync;\n",
  },
  {
    wall: 'domain-is-pure',
    file: 'services/prod-gate/src/domain/planted.ts',
    content: "import { request } from 'node:http';\nexport const planted = request;\n",
  },
  {
    wall: 'no-phantom-dependency',
    file: 'services/runner/src/planted.ts',
    content: "import Bull from 'bull';\nexport const planted = Bull;\n",
  },
  {
    wall: 'builders-and-signer-know-no-database',
    file: 'services/rebuilder/src/processes/planted.ts',
    content: "import pg from 'pg';\nexport const planted = pg;\n",
  },
  {
    wall: 'services-do-not-share-code',
    file: 'services/rebuilder/src/planted.ts',
    content: "import '../../nonprod/src/config.ts';\n",
  },
  {
    wall: 'tests-stay-out-of-production',
    file: 'services/nonprod/src/app/planted.ts',
    content:
      "import { startPostgres } from '@airlock/testkit/postgres';\nexport const planted = startPostgres;\n",
  },
];

for (const { wall, file, content } of planted) {
  test(`the import rule ${wall} catches a planted import`, async () => {
    const found = await withPlanted(file, content, () => violations(dirname(file)));
    assert.ok(
      found.some((line) => line.startsWith(`${wall}: ${file}`)),
      `expected ${wall}, found:\n${found.join('\n')}`,
    );
  });
}

const longWays = [
  {
    rule: 'only-deliverer-and-watchdog-reach-vault',
    content: "export { createVaultLogin } from '../adapters/vault/login.ts';\n",
  },
  {
    rule: 'only-intake-and-scheduler-tell-people',
    content: "export { keepNews } from '../news-keeping.ts';\n",
  },
];

for (const { rule, content } of longWays) {
  test(`the import rule ${rule} catches a way from the gate's pages through three files`, async () => {
    const found = await withPlanted('services/prod-gate/src/app/planted.ts', content, async () => {
      const web = join(root, 'services/prod-gate/src/processes/web.ts');
      const original = readFileSync(web, 'utf8');
      await writeFile(web, `import '../app/planted.ts';\n${original}`);
      try {
        return await violations('services/prod-gate/src');
      } finally {
        await writeFile(web, original);
      }
    });
    assert.ok(
      found.some((line) => line.startsWith(`${rule}: services/prod-gate/src/processes/web.ts`)),
      found.join('\n'),
    );
  });
}

test('the compiler refuses an import of nonprod from the gate, by path and by name', async () => {
  const content =
    "import '../../../nonprod/src/config.ts';\nimport type {} from '@airlock/nonprod/config';\n";
  await withPlanted('services/prod-gate/src/domain/planted.ts', content, async () => {
    const { stdout } = await run(
      process.execPath,
      [
        tsc,
        '-p',
        'services/prod-gate',
        '--noEmit',
        '--emitDeclarationOnly',
        'false',
        '--rewriteRelativeImportExtensions',
        'false',
        '--allowImportingTsExtensions',
      ],
      {
        cwd: root,
      },
    ).catch((error: unknown) => error as { stdout: string });
    assert.match(stdout, /planted\.ts.*TS(6059|6307)|TS(6059|6307).*nonprod/s);
    assert.match(stdout, /planted\.ts\(2,\d+\): error TS2307/);
  });
});

test('Node refuses to load another service by name', async () => {
  for (const name of [
    '@airlock/nonprod',
    '@airlock/nonprod/config',
    '@airlock/prod-gate/domain/verdict',
  ]) {
    await assert.rejects(import(name), { code: 'ERR_PACKAGE_PATH_NOT_EXPORTED' });
  }
});

test('the bundle of the gate was made without any file of nonprod, and the other way round', () => {
  const inputsOf = (service: string): string[] =>
    JSON.parse(readFileSync(join(root, 'dist', service, 'inputs.json'), 'utf8')) as string[];
  assert.deepEqual(
    inputsOf('prod-gate').filter((file) => file.startsWith('services/nonprod/')),
    [],
  );
  assert.deepEqual(
    inputsOf('nonprod').filter((file) => file.startsWith('services/prod-gate/')),
    [],
  );
  for (const service of ['runner', 'signer']) {
    assert.deepEqual(
      inputsOf(service).filter((file) =>
        /node_modules\/(pg|bull|ioredis|express|@prisma)\//.test(file),
      ),
      [],
      service,
    );
  }
});

/** The gate's direct dependencies, with why each is there; growth needs a line here. */
const gateDependencies = new Set([
  '@prisma/client', // rows
  '@prisma/adapter-pg', // rows
  '@simplewebauthn/server', // enrolment of passkeys
  'express', // pages
  'jose', // the one JWT of a delivery
  'node-vault', // Vault, behind our own transport
  'pg', // its SCRAM, where a socket logs in for a hook; Prisma's adapter brings it already
  'preact', // pages
  'yaml', // target files
  'zod', // parsing at the door
]);

test('the gate depends on what is listed here and nothing else', () => {
  const { dependencies } = JSON.parse(
    readFileSync(join(root, 'services/prod-gate/package.json'), 'utf8'),
  ) as {
    dependencies: Record<string, string>;
  };
  const outside = Object.keys(dependencies).filter((name) => !name.startsWith('@airlock/'));
  assert.deepEqual(
    outside.filter((name) => !gateDependencies.has(name)),
    [],
  );
});

test('every dependency is pinned to one exact version', () => {
  for (const file of globSync('{.,packages/*,services/*,deploy/*}/package.json', { cwd: root })) {
    const manifest = JSON.parse(readFileSync(join(root, file), 'utf8')) as Record<
      string,
      Record<string, string> | undefined
    >;
    for (const kind of ['dependencies', 'devDependencies', 'optionalDependencies']) {
      for (const [name, version] of Object.entries(manifest[kind] ?? {})) {
        assert.match(version, /^\d+\.\d+\.\d+(-[\w.]+)?$/, `${file}: ${name}@${version}`);
      }
    }
  }
});
