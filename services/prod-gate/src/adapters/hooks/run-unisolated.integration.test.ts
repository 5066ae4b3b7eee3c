/** The hook contract where there is no bubblewrap, and that the deliverer takes this way on the demo's word only. */
import { Secret } from '@airlock/common/secret';
import { readHookDirectory } from '@airlock/process/hook-directory';
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { open } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { HookEnd, HookFacts } from '../../app/delivery-ports.ts';
import { createHookPreparer } from './run-hook.ts';
import { unisolatedExecutor } from './run-unisolated.ts';

// So long that a socket below it could not be reached by its own path.
const directory = join(mkdtempSync(join(tmpdir(), 'airlock-unisolated-')), 'deep'.repeat(25));
const hooks = join(directory, 'hooks');
const work = join(directory, 'work');
const artifact = { bytes: Buffer.from('a release'), file: join(directory, 'artifact') };
const artifactDigest = createHash('sha256').update(artifact.bytes).digest('hex');
mkdirSync(hooks, { recursive: true });
writeFileSync(artifact.file, artifact.bytes);
// As in a checkout of this repository; the hooks here are CommonJS.
writeFileSync(join(directory, 'package.json'), JSON.stringify({ type: 'module' }));

after(() => {
  rmSync(join(directory, '..'), { recursive: true, force: true });
});

test('a hook that brings an earlier release back is told what becomes of the migrations since', async () => {
  const migrations = [
    { path: 'migrations/0002.sql', answer: 'tolerates' as const },
    { path: 'migrations/0003.sql', answer: 'down' as const },
  ];
  const { lines } = await run('back', 'console.log(process.env.AIRLOCK_RETURN);', {
    returns: { delivery: 'dlv_9876543210', migrations },
  });
  assert.deepEqual(lines, [`stdout ${JSON.stringify({ delivery: 'dlv_9876543210', migrations })}`]);
});

test('the environment is the contract and nothing else, and each of its paths leads to what the hook is given', async () => {
  const database = createServer((socket) => socket.end('production')).listen(0, '127.0.0.1');
  await new Promise((resolve) => database.once('listening', resolve));
  const address = database.address();
  assert.ok(typeof address === 'object' && address !== null);
  process.env['AIRLOCK_TEST_OF_THE_DELIVERER'] = 'must not reach the hook';
  const { end, lines } = await run(
    'contract',
    `const fs = require('node:fs');
const e = process.env;
console.log(Object.keys(e).sort().join());
console.log(fs.readFileSync(e.AIRLOCK_ARTIFACT, 'utf8'), fs.readFileSync(e.AIRLOCK_PARAMS, 'utf8'));
console.log(JSON.parse(fs.readFileSync(Number(e.AIRLOCK_CREDENTIAL_FD), 'utf8')).db.username, process.argv.length);
const egress = JSON.parse(fs.readFileSync(e.AIRLOCK_EGRESS, 'utf8'));
console.log(fs.realpathSync(process.cwd()) === fs.realpathSync(e.AIRLOCK_OUT), e.HOME === e.AIRLOCK_OUT);
require('node:net').connect(egress.db.host + '/.s.PGSQL.5432').on('data', (bytes) => {
  console.log(String(bytes));
  fs.writeFileSync(e.AIRLOCK_OUT + '/result.json', JSON.stringify({ rows: 1 }));
}).on('error', (error) => { console.log(error.message); });`,
    { port: address.port },
  );
  delete process.env['AIRLOCK_TEST_OF_THE_DELIVERER'];
  database.close();
  assert.deepEqual(lines, [
    'stdout AIRLOCK_ARTIFACT,AIRLOCK_ARTIFACT_SHA256,AIRLOCK_COMMIT,AIRLOCK_CREDENTIAL_FD,AIRLOCK_DELIVERY,AIRLOCK_EGRESS,AIRLOCK_FENCE,AIRLOCK_OUT,AIRLOCK_PARAMS,AIRLOCK_PROMOTION,AIRLOCK_PROMOTION_DIGEST,AIRLOCK_RELEASE,AIRLOCK_STAGE,AIRLOCK_TARGET,HOME,LANG,PATH',
    'stdout a release {"word":"hello"}',
    'stdout v-none 2',
    'stdout true true',
    'stdout production',
  ]);
  assert.deepEqual([end.exit, end.result], [0, { rows: 1 }]);
});

test('a password that the hook prints is masked', async () => {
  const { lines } = await run(
    'prints',
    `console.log(require('node:fs').readFileSync(10, 'utf8')); process.exit(3);`,
  );
  assert.equal(lines.length, 1);
  assert.ok(lines[0]?.includes('"password":"[masked]"'), lines[0]);
});

test('at its limit a hook is killed with everything that it started', async () => {
  const pids = join(directory, 'pids');
  const { end } = await run(
    'hangs',
    `process.on('SIGTERM', () => {});
const child = require('node:child_process').spawn('/bin/sleep', ['60'], { stdio: 'inherit' });
require('node:fs').writeFileSync(${JSON.stringify(pids)}, process.pid + ' ' + child.pid);
setInterval(() => {}, 1000);`,
    { limitSeconds: 1 },
  );
  assert.equal(end.exit, null);
  assert.match(end.summary, /limit of 1 s/);
  for (const pid of readFileSync(pids, 'utf8').split(' ')) await ended(pid);
});

test('a hook is stopped when the delivery is', async () => {
  const stop = new AbortController();
  const { end } = await run('stopped', `console.log('waiting'); setInterval(() => {}, 1000);`, {
    signal: stop.signal,
    onLine: () => {
      stop.abort();
    },
  });
  assert.match(end.summary, /stopped after/);
});

test('nothing of a delivery is left on disk', () => {
  assert.deepEqual(readdirSync(work), []);
});

for (const [isolation, environment, message] of [
  ['none', {}, /none is for the demo, with AIRLOCK_DEMO=1/],
  ['sometimes', { AIRLOCK_DEMO: '1' }, /hooks\.isolation/],
] as const) {
  test(`a deliverer with hooks.isolation: ${isolation} and ${JSON.stringify(environment)} ends with 78`, async () => {
    const { code, output } = await deliverer(isolation, environment);
    assert.equal(code, 78, output);
    assert.match(output, message);
  });
}

// ── what the tests are made of ──────────────────────────────────────────────────────────────────────────────────

async function run(
  name: string,
  script: string,
  options: {
    port?: number;
    limitSeconds?: number;
    signal?: AbortSignal;
    onLine?: () => void;
    returns?: HookFacts['returns'];
  } = {},
): Promise<{ end: HookEnd; lines: string[] }> {
  const path = join(hooks, name);
  mkdirSync(path);
  // The interpreter is the sandbox's and does not exist here.
  writeFileSync(join(path, 'run'), `#!/opt/node/bin/node\n${script}\n`);
  chmodSync(join(path, 'run'), 0o755);
  writeFileSync(
    join(path, 'hook.yaml'),
    `version: 1\nname: ${name}\nsummary: For a test.\nneeds: { credentials: { db: database }, egress: { db: postgres } }\nparams: { word: { type: string, required: true, summary: A word. } }\n`,
  );
  chmodSync(join(path, 'hook.yaml'), 0o644);
  const preparer = createHookPreparer({
    hooksDirectory: hooks,
    workDirectory: work,
    nodeBinary: process.execPath,
    artifacts: {
      async openVerified() {
        return { handle: await open(artifact.file), size: artifact.bytes.length };
      },
    },
    executor: unisolatedExecutor(process.execPath),
  });
  const hook = await preparer.prepare({
    hook: `${name}@sha256:${(await readHookDirectory(path)).digest}`,
    params: { word: 'hello' },
    artifact: { name: 'shop-api.tar.gz', sha256: artifactDigest },
    inWaves: false,
    reads: [{ as: 'db', kind: 'database' }],
    egress: [
      { as: 'db', kind: 'postgres', host: '127.0.0.1', port: options.port ?? 1, name: 'shop' },
    ],
    facts: {
      deliveryId: 'dlv_0123456789',
      fence: 1,
      promotionId: 'prm_0123456789',
      promotionDigest: 'd'.repeat(64),
      returns: options.returns ?? null,
      target: 'prod-eu',
      release: '2026.11.22-1',
      commit: 'c0ffee'.padEnd(40, '0'),
    },
  });
  const lines: string[] = [];
  try {
    const end = await hook.run({
      stage: { name: 'deliver', wave: null },
      credentials: [
        {
          ...{ as: 'db', ending: 'revocable', leaseId: null, holder: 'v-none', seconds: 60 },
          secret: {
            ...{ kind: 'database', username: 'v-none' },
            password: new Secret('password-of-nobody'),
          },
        },
      ],
      limitSeconds: options.limitSeconds ?? 20,
      signal: options.signal ?? new AbortController().signal,
      output: (stream, line) => {
        lines.push(`${stream} ${line}`);
        options.onLine?.();
      },
    });
    return { end, lines };
  } finally {
    await hook.dispose();
  }
}

async function ended(pid: string): Promise<void> {
  for (let attempt = 0; attempt < 100; attempt += 1) {
    // A zombie (Z) runs no more; whoever adopted it may be slow to collect it.
    if (!existsSync(`/proc/${pid}`) || / [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'utf8')))
      return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  assert.fail(`process ${pid} still runs`);
}

/** Starts a deliverer whose configuration is whole, and that has to refuse before it reaches for anything that it names. */
async function deliverer(
  isolation: string,
  environment: Record<string, string>,
): Promise<{ code: number | null; output: string }> {
  const config = join(directory, 'deliverer.yaml');
  writeFileSync(
    config,
    JSON.stringify({
      database: { host: '127.0.0.1', port: 1, name: 'gate', user: 'gate_deliverer' },
      redis: null,
      gate: 'http://gate.localhost:26080',
      files: {
        directory: 'configuration',
        administratorsFile: 'administrators.json',
        hooksDirectory: 'hooks',
      },
      ledgerKeyFile: 'ledger.vkey',
      artifacts: { directory: 'artifacts' },
      mirrors: [
        { repository: 'file:///nowhere/shop.git', directory: 'mirror', protocols: ['file'] },
      ],
      authority: { socketPath: 'authority.sock' },
      vault: { address: 'http://127.0.0.1:1' },
      hooks: { workDirectory: 'work', isolation },
    }),
  );
  const main = join(import.meta.dirname, '../../processes/deliverer.ts');
  return await new Promise((resolve) => {
    const child = execFile(
      process.execPath,
      ['--conditions=source', main, '--config', config],
      { env: { PATH: process.env['PATH'], ...environment }, timeout: 20_000 },
      (_error, stdout, stderr) => {
        resolve({ code: child.exitCode, output: stdout + stderr });
      },
    );
  });
}
