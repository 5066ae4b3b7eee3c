/**
 * A hook as the deliverer runs it: real bubblewrap, a real Postgres behind the relay, and a credential that the stand-in
 * for Vault made a real role for.
 */
import { planVaultSetup } from '@airlock/cli/vault/setup';
import { applyVaultSetup } from '@airlock/cli/vault/apply';
import { productionPostgresSetup } from '@airlock/cli/vault/postgres';
import { Secret } from '@airlock/common/secret';
import { freePort } from '@airlock/testkit/ports';
import { testPostgres } from '@airlock/testkit/stack';
import { startVaultDouble, type VaultDouble } from '@airlock/vault-double/server';
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { open } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import pg from 'pg';
import { SignJWT } from 'jose';
import { readHookDirectory } from '@airlock/process/hook-directory';
import type { HookEnd, HookRequest } from '../../app/delivery-ports.ts';
import type { Credential, DeliveryToken } from '../../app/vault-ports.ts';
import { makeReleaseArtifact, releaseCommit } from '../../testing/release-artifact.ts';
import { createVaultLogin } from '../vault/login.ts';
import { bubblewrapExecutor, createHookPreparer } from './run-hook.ts';

const repositoryRoot = join(import.meta.dirname, '../../../../..');
const directory = mkdtempSync(join(tmpdir(), 'airlock-hook-'));
const hooks = join(directory, 'hooks');
const store = join(directory, 'store');
const issuer = 'https://gate.example/authority';
const keys = generateKeyPairSync('ec', { namedCurve: 'P-256' });

const artifact = makeReleaseArtifact();
let double: VaultDouble;
let database: { host: string; port: number; name: string };
let admin: pg.Client;

before(async () => {
  const server = await testPostgres();
  const { host, port, user } = server;
  const name = await server.createDatabase();
  database = { host, port, name };
  admin = new pg.Client({ host, port, user, password: server.password, database: name });
  await admin.connect();
  const password = randomBytes(12).toString('hex');
  const vaultAdmin = `vault_${name}`;
  const appOwner = `owner_${name}`;
  for (const statement of productionPostgresSetup({
    vaultAdmin,
    password,
    appOwner,
    database: name,
  })) {
    await admin.query(statement);
  }
  const rootToken = randomBytes(12).toString('hex');
  double = await startVaultDouble({ host: '127.0.0.1', port: await freePort(), rootToken });
  await applyVaultSetup({
    address: double.address,
    token: rootToken,
    calls: planVaultSetup({
      targets: [
        {
          target: 'prod-eu',
          jwtMount: 'jwt-prod-eu',
          jwtRole: 'prod-eu',
          ttlSeconds: 300,
          reads: [{ as: 'db', kind: 'database', mount: 'database', role: 'shop' }],
          connections: {
            db: {
              ...{ host: database.host, port: database.port, database: name, appOwner },
              ...{ username: vaultAdmin, password: new Secret(password) },
            },
          },
        },
      ],
      reaper: { roleName: 'watchdog' },
      issuer,
      authorityPublicKeyPem: keys.publicKey.export({ type: 'spki', format: 'pem' }).toString(),
    }),
  });
  mkdirSync(store, { recursive: true });
  writeFileSync(join(store, artifact.sha256), artifact.bytes);
  await promisify(execFile)(process.execPath, [
    join(repositoryRoot, 'deploy/hooks/build.ts'),
    'load-release',
    hooks,
  ]);
});

after(async () => {
  await double.stop();
  await admin.end();
  rmSync(directory, { recursive: true, force: true });
});

test('load-release loads a release with a credential that is gone afterwards, and a second run changes nothing', async () => {
  const token = await login();
  const credential = await token.read(
    { as: 'db', kind: 'database', mount: 'database', role: 'shop' },
    {},
  );
  assert.equal(await roleExists(credential.holder), true);
  const first = await run({ hook: 'load-release', credential });
  assert.deepEqual(
    { exit: first.end.exit, result: first.end.result },
    { exit: 0, result: { release: '2026.11.22-1', rows: 2 } },
    first.lines.join('\n'),
  );
  assert.ok(first.lines.includes(`stdout connected as ${credential.holder}`));
  const { rows } = await admin.query<{ sku: string; price_cents: number }>(
    'select sku, price_cents from public.product order by sku',
  );
  assert.deepEqual(rows, [
    { sku: 'bolt-m6', price_cents: 12 },
    { sku: 'nut-m6', price_cents: 7 },
  ]);
  const again = await run({ hook: 'load-release', credential });
  assert.equal(again.end.exit, 0);
  assert.ok(again.lines.some((line) => line.includes('loaded before')));
  const history = await admin.query('select from public.release_history');
  assert.equal(history.rowCount, 1);
  await token.revokeSelf();
  await gone(credential.holder);
});

test('a changed byte of the hook, a file too many and a missing hook are E_HOOK_DIGEST', async () => {
  const pinned = await shellHook('altered', 'exit 0');
  const file = join(hooks, 'altered', 'run');
  const original = readFileSync(file);
  const changed = Buffer.from(original);
  changed[changed.length - 2] = (changed[changed.length - 2] ?? 0) ^ 1;
  writeFileSync(file, changed);
  await assert.rejects(prepare(pinned), { code: 'E_HOOK_DIGEST' });
  writeFileSync(file, original);
  await (await prepare(pinned)).dispose();
  writeFileSync(join(hooks, 'altered', 'more'), '');
  await assert.rejects(prepare(pinned), { code: 'E_HOOK_DIGEST' });
  rmSync(join(hooks, 'altered'), { recursive: true });
  await assert.rejects(prepare(pinned), { code: 'E_HOOK_DIGEST' });
});

test('a hook that is changed after the check runs as it was checked', async () => {
  const pinned = await shellHook('swapped', 'echo approved; exit 3');
  const hook = await prepare(pinned);
  writeFileSync(join(hooks, 'swapped', 'run'), '#!/bin/sh\necho swapped\nexit 4\n');
  const lines: string[] = [];
  const end = await hook.run({
    stage: { name: 'deliver', wave: null },
    ...runOptions(),
    output: (stream, line) => lines.push(`${stream} ${line}`),
  });
  await hook.dispose();
  assert.deepEqual([end.exit, lines], [3, ['stdout approved']]);
});

test('an artifact that was replaced in the store after its approval is E_TOCTOU_DIGEST', async () => {
  const pinned = await shellHook('reads', 'exit 0');
  const file = join(store, artifact.sha256);
  writeFileSync(file, Buffer.concat([artifact.bytes, Buffer.from('x')]));
  await assert.rejects(prepare(pinned), { code: 'E_TOCTOU_DIGEST' });
  rmSync(file);
  await assert.rejects(prepare(pinned), { code: 'E_TOCTOU_DIGEST' });
  writeFileSync(file, artifact.bytes);
});

const touches: [claim: string, touch: (copy: string) => void][] = [
  [
    'written to',
    (copy) => {
      chmodSync(copy, 0o644);
      writeFileSync(copy, 'x', { flag: 'r+' });
      chmodSync(copy, 0o444);
    },
  ],
  [
    'written to with its times set back',
    (copy) => {
      const { atime, mtime } = statSync(copy);
      chmodSync(copy, 0o644);
      writeFileSync(copy, 'x', { flag: 'r+' });
      chmodSync(copy, 0o444);
      utimesSync(copy, atime, mtime);
    },
  ],
  [
    'replaced by a file of the same bytes',
    (copy) => {
      writeFileSync(`${copy}.new`, readFileSync(copy), { mode: 0o444 });
      renameSync(`${copy}.new`, copy);
    },
  ],
];
const privateCopy = (): string => {
  const [delivery = ''] = readdirSync(join(directory, 'work'));
  return join(directory, 'work', delivery, 'artifact');
};
for (const [claim, touch] of touches) {
  test(`a private copy that is ${claim} before the hook is E_TOCTOU_DIGEST, and the hook does not begin`, async () => {
    const hook = await prepare(await shellHook('begins', 'echo began; exit 0'));
    const lines: string[] = [];
    try {
      touch(privateCopy());
      const running = hook.run({
        stage: { name: 'deliver', wave: null },
        ...runOptions(),
        output: (_stream, line) => lines.push(line),
      });
      await assert.rejects(running, { code: 'E_TOCTOU_DIGEST' });
      assert.deepEqual(lines, []);
    } finally {
      await hook.dispose();
    }
  });

  test(`after a private copy that is ${claim} under the hook nobody knows what it did`, async () => {
    const hook = await prepare(await shellHook('goes-on', 'echo began; sleep 0.3; exit 0'));
    try {
      const end = await hook.run({
        stage: { name: 'deliver', wave: null },
        ...runOptions(),
        output: () => {
          touch(privateCopy());
        },
      });
      assert.equal(end.exit, null);
      assert.match(end.summary, /^E_TOCTOU_DIGEST: .*touched after it was hashed/);
    } finally {
      await hook.dispose();
    }
  });
}

test('an artifact that is replaced while the hook runs does not reach it', async () => {
  const pinned = await shellHook(
    'slow',
    'sleep 0.3\nsha256sum "$AIRLOCK_ARTIFACT" | cut -d" " -f1\ntouch "$AIRLOCK_ARTIFACT" 2>/dev/null && echo writable\nexit 1',
  );
  const hook = await prepare(pinned);
  const lines: string[] = [];
  const running = hook.run({
    stage: { name: 'deliver', wave: null },
    ...runOptions(),
    output: (_stream, line) => lines.push(line),
  });
  writeFileSync(join(store, artifact.sha256), 'other bytes');
  await running;
  await hook.dispose();
  writeFileSync(join(store, artifact.sha256), artifact.bytes);
  assert.deepEqual(lines, [artifact.sha256]);
});

test('the password is in no environment, no argument and no line of the log', async () => {
  const password = `pw-${randomBytes(8).toString('hex')}`;
  const pinned = await shellHook(
    'prints',
    `cat /proc/self/fd/10 > /tmp/credential
for process in /proc/[0-9]*; do
  tr '\\0' '\\n' < "$process/environ"; tr '\\0' '\\n' < "$process/cmdline"
done 2>/dev/null > /tmp/seen
grep -c '${password}' /tmp/seen
cat /tmp/credential; echo
base64 -w0 < /tmp/credential; echo
sed 's/.*"password":"\\([^"]*\\)".*/\\1/' /tmp/credential | tr -d '\\n' | od -An -tx1 | tr -d ' \\n'; echo
exit 1`,
  );
  const { lines, end } = await run({ pinned, password });
  assert.equal(end.exit, 1);
  assert.equal(lines[0], 'stdout 0', 'found in /proc');
  assert.ok(lines[1]?.includes('"password":"[masked]"'), lines[1]);
  assert.equal(lines.length, 4);
  const hex = Buffer.from(password).toString('hex');
  for (const line of lines) {
    assert.ok(!line.includes(password) && !line.includes(hex), line);
    const decoded = Buffer.from(line.replace('stdout ', ''), 'base64').toString('latin1');
    assert.ok(!decoded.includes(password), line);
  }
});

test('nothing but the database is reachable: no loopback, no other address, one socket', async () => {
  const other = createServer((socket) => socket.end('reached')).listen(0, '127.0.0.1');
  await new Promise((resolve) => other.once('listening', resolve));
  const address = other.address();
  assert.ok(typeof address === 'object' && address !== null);
  const script = `const net = require('node:net');
const attempt = (to) => new Promise((done) => {
  const s = net.connect({ ...to, timeout: 1000 });
  for (const e of ['error', 'timeout']) s.on(e, () => { done('no'); s.destroy(); });
  s.on('connect', () => { done('yes'); s.destroy(); });
});
(async () => {
  console.log(await attempt({ host: '127.0.0.1', port: ${address.port} }), await attempt({ host: '169.254.169.254', port: 80 }),
    await attempt({ host: '127.0.0.1', port: ${database.port} }), await attempt({ path: '/egress/db/.s.PGSQL.5432' }),
    require('node:fs').readdirSync('/egress', { recursive: true }).join());
  process.exit(1);
})();`;
  const { lines } = await run({ pinned: await nodeHook('dials', script) });
  other.close();
  assert.deepEqual(lines, ['stdout no no no yes db,db/.s.PGSQL.5432']);
});

test('a hook that hangs and ignores SIGTERM is killed at its limit and its end is unknown', async () => {
  const pinned = await shellHook('hangs', "trap '' TERM\necho waiting\nwhile :; do sleep 1; done");
  const { end } = await run({ pinned, limitSeconds: 1 });
  assert.equal(end.exit, null);
  assert.match(end.summary, /limit of 1 s/);
});

test('a hook is stopped when the delivery is', async () => {
  const stop = new AbortController();
  const pinned = await shellHook('stopped', 'echo waiting\nsleep 30');
  const { end } = await run({
    pinned,
    signal: stop.signal,
    onLine: () => {
      stop.abort();
    },
  });
  assert.equal(end.exit, null);
  assert.match(end.summary, /stopped after/);
});

test('a result that is a link, too large, nested or missing makes the end unknown', async () => {
  const writes: Record<string, string> = {
    link: 'ln -s /etc/passwd "$AIRLOCK_OUT/result.json"',
    large: 'head -c 70000 /dev/zero | tr "\\0" " " > "$AIRLOCK_OUT/result.json"',
    nested: 'echo \'{"a":{"b":1}}\' > "$AIRLOCK_OUT/result.json"',
    twice: 'echo \'{"a":1,"a":2}\' > "$AIRLOCK_OUT/result.json"',
    missing: 'true',
  };
  for (const [name, command] of Object.entries(writes)) {
    const { end } = await run({ pinned: await shellHook(`result-${name}`, command) });
    assert.deepEqual([end.exit, end.result], [null, null], name);
    assert.match(end.summary, /result.json/, name);
  }
});

test('params are given as the target file says, and one that the hook does not know is refused', async () => {
  const pinned = await shellHook(
    'params',
    'cat "$AIRLOCK_PARAMS"; echo; exit 1',
    'word: { type: string, required: true, summary: A word. }',
  );
  const { lines } = await run({ pinned, params: { word: 'hello' } });
  assert.deepEqual(lines, ['stdout {"word":"hello"}']);
  for (const params of [
    {},
    { word: 7 },
    { word: 'a', more: 'b' },
    { constructor: 'x', word: 'a' },
  ]) {
    await assert.rejects(prepare(pinned, params), { code: 'hook-params' }, JSON.stringify(params));
  }
});

test('nothing of a delivery is left on disk', () => {
  assert.deepEqual(readdirSync(join(directory, 'work')), []);
});

// ── what the tests are made of ──────────────────────────────────────────────────────────────────────────────────

function preparer() {
  return createHookPreparer({
    hooksDirectory: hooks,
    workDirectory: join(directory, 'work'),
    nodeBinary: process.execPath,
    artifacts: {
      // Without a check of its own: what is shown here is that the hook's side does not trust the store.
      async openVerified(digest) {
        const handle = await open(join(store, digest));
        return { handle, size: (await handle.stat()).size };
      },
    },
    executor: bubblewrapExecutor,
  });
}

function request(hook: string, params: HookRequest['params']): HookRequest {
  return {
    hook,
    params,
    artifact: { name: 'shop-api.tar.gz', sha256: artifact.sha256 },
    inWaves: false,
    reads: [{ as: 'db', kind: 'database' }],
    egress: [
      {
        ...{ as: 'db', kind: 'postgres', ...database },
        // It takes no password; the others read theirs from the descriptor.
        ...(hook.startsWith('load-release@') ? { credential: 'db' } : {}),
      },
    ],
    facts: {
      deliveryId: 'dlv_0123456789',
      fence: 1,
      promotionId: 'prm_0123456789',
      promotionDigest: 'd'.repeat(64),
      returns: null,
      target: 'prod-eu',
      release: '2026.11.22-1',
      commit: releaseCommit,
    },
  };
}

const prepare = (pinned: string, params: HookRequest['params'] = {}) =>
  preparer().prepare(request(pinned, params));

function databaseLogin(password: string): Credential {
  return {
    ...{ as: 'db', ending: 'revocable', leaseId: null, holder: 'v-none', seconds: 60 },
    secret: { kind: 'database', username: 'v-none', password: new Secret(password) },
  };
}

function runOptions() {
  return {
    credentials: [databaseLogin('password-of-nobody')],
    limitSeconds: 20,
    signal: new AbortController().signal,
  };
}

async function run(options: {
  hook?: string;
  pinned?: string;
  credential?: Credential;
  password?: string;
  limitSeconds?: number;
  params?: HookRequest['params'];
  signal?: AbortSignal;
  onLine?: () => void;
}): Promise<{ end: HookEnd; lines: string[] }> {
  const base = runOptions();
  const pinned =
    options.pinned ??
    `${options.hook ?? ''}@sha256:${(await readHookDirectory(join(hooks, options.hook ?? ''))).digest}`;
  const hook = await prepare(pinned, options.params ?? {});
  const lines: string[] = [];
  try {
    const end = await hook.run({
      stage: { name: 'deliver', wave: null },
      credentials:
        options.credential !== undefined
          ? [options.credential]
          : options.password === undefined
            ? base.credentials
            : [databaseLogin(options.password)],
      limitSeconds: options.limitSeconds ?? base.limitSeconds,
      signal: options.signal ?? base.signal,
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

/** Registers a hook that is a shell script; returns its pinned name. */
async function shellHook(name: string, script: string, params = ''): Promise<string> {
  return await writeHook(name, `#!/bin/sh\n${script}\n`, params);
}

async function nodeHook(name: string, script: string): Promise<string> {
  return await writeHook(name, `#!/opt/node/bin/node\n${script}\n`, '');
}

async function writeHook(name: string, run: string, params: string): Promise<string> {
  const path = join(hooks, name);
  mkdirSync(path, { recursive: true });
  writeFileSync(join(path, 'run'), run);
  chmodSync(join(path, 'run'), 0o755);
  writeFileSync(
    join(path, 'hook.yaml'),
    `version: 1\nname: ${name}\nsummary: For a test.\nneeds: { credentials: { db: database }, egress: { db: postgres } }\nparams: { ${params} }\n`,
  );
  chmodSync(join(path, 'hook.yaml'), 0o644);
  return `${name}@sha256:${(await readHookDirectory(path)).digest}`;
}

async function login(): Promise<DeliveryToken> {
  const now = Math.floor(Date.now() / 1000);
  const jwt = await new SignJWT({
    iss: issuer,
    aud: 'vault-prod/prod-eu',
    sub: 'target:prod-eu',
    target: 'prod-eu',
    purpose: 'delivery',
    approval_state: 'satisfied',
    approvals: '2',
    delivery_id: 'dlv_0123456789',
    artifact_digest: artifact.sha256,
    commit: releaseCommit,
    policy_rev: 'e'.repeat(64),
    jti: randomBytes(8).toString('hex'),
    iat: now,
    nbf: now,
    exp: now + 20,
  })
    .setProtectedHeader({ alg: 'ES256', typ: 'JWT' })
    .sign(keys.privateKey);
  const vault = createVaultLogin(
    { address: double.address, requestTimeoutSeconds: 5 },
    { AIRLOCK_DEMO: '1' },
  );
  return await vault.login({ mount: 'jwt-prod-eu', role: 'prod-eu', jwt });
}

async function roleExists(name: string): Promise<boolean> {
  const { rowCount } = await admin.query('select from pg_roles where rolname = $1', [name]);
  return rowCount === 1;
}

async function gone(name: string): Promise<void> {
  for (let attempt = 0; attempt < 100; attempt += 1) {
    if (!(await roleExists(name))) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  assert.fail(`${name} is still there 5 s after its token was revoked`);
}
