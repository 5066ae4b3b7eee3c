/** An observe hook as the deliverer runs it: real bubblewrap, a real server behind its way out. */
import assert from 'node:assert/strict';
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Id } from '@airlock/common/ids';
import type { Egress } from '@airlock/common/policy/target-egress';
import { readHookDirectory } from '@airlock/process/hook-directory';
import { SandboxError } from '@airlock/sandbox/errors';
import type { ObserveRequest } from '../../app/observation-ports.ts';
import type { Look } from '../../domain/observation.ts';
import { createObserveHooks } from './run-observe.ts';
import { bubblewrapExecutor, type HookExecutor } from './run-hook.ts';

const directory = mkdtempSync(join(tmpdir(), 'airlock-observe-'));
const hooks = join(directory, 'hooks');
const work = join(directory, 'work');
const delivered = 'a'.repeat(64);
let server: Server;
let status: Egress;

before(async () => {
  server = createServer((socket) => socket.end(`sha256:${delivered}\n`));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  // It listens on a port.
  const { port } = server.address() as AddressInfo;
  status = { as: 'status', kind: 'tcp', host: '127.0.0.1', port };
});

after(() => {
  server.close();
  rmSync(directory, { recursive: true, force: true });
});

test('a hook says what runs from what the target shows to anybody, and is told what is live', async () => {
  const hook = await nodeHook('asks', {
    needs: 'needs: { egress: { status: tcp } }',
    params: 'params: { service: { type: string, required: true, summary: Whose version. } }',
    run: `
      const { readFileSync, writeFileSync } = require('node:fs');
      const { service } = JSON.parse(readFileSync(process.env.AIRLOCK_PARAMS, 'utf8'));
      const { AIRLOCK_STAGE, AIRLOCK_TARGET, AIRLOCK_RELEASE, AIRLOCK_ARTIFACT_SHA256 } = process.env;
      const told = [service, AIRLOCK_STAGE, AIRLOCK_TARGET, AIRLOCK_RELEASE, AIRLOCK_ARTIFACT_SHA256].join(' ');
      if (told !== 'shop observe prod-eu 2026.11.22-1 ${delivered}') throw new Error(told);
      const { status } = JSON.parse(readFileSync(process.env.AIRLOCK_EGRESS, 'utf8'));
      require('node:net').connect({ path: status.socket }).on('data', (answer) => {
        writeFileSync(process.env.AIRLOCK_OUT + '/result.json', JSON.stringify({ running: [String(answer).trim()] }));
      });`,
  });
  const seen = await look({ hook, params: { service: 'shop' } });
  assert.deepEqual(seen, { running: [`sha256:${delivered}`] });
});

test('no artifact, no credential and no way out that logs in is in its sandbox, and nothing is left of it', async () => {
  const hook = await nodeHook('looks-about', {
    needs: 'needs: {}',
    run: `
      const { existsSync, readFileSync, writeFileSync } = require('node:fs');
      const found = [
        ...(existsSync('/artifact') ? ['artifact'] : []),
        ...Object.keys(process.env).filter((name) => /CREDENTIAL|_ARTIFACT$/.test(name)),
        ...Object.keys(JSON.parse(readFileSync(process.env.AIRLOCK_EGRESS, 'utf8'))).filter((name) => name !== 'status'),
      ];
      if (found.length > 0) throw new Error(found.join(' '));
      writeFileSync('/out/result.json', '{"running":[]}');`,
  });
  const login: Egress = {
    ...{ as: 'db', kind: 'postgres', host: '127.0.0.1', port: 1, name: 'shop' },
    credential: 'db-login',
  };
  assert.deepEqual(await look({ hook, egress: [status, login] }), { running: [] });
  assert.deepEqual(readdirSync(work), []);
});

test('a hook that needs a credential, or a way out that logs in, is not run and says why', async () => {
  const own = await nodeHook('wants-login', {
    needs: 'needs: { credentials: { db-login: database } }',
    run: 'process.exit(7);',
  });
  assert.match(await reason({ hook: own }), /^hook-needs: .*db-login.*outlive every delivery/);
  const proxied = await nodeHook('wants-db', {
    needs: 'needs: { egress: { db: postgres } }',
    run: 'process.exit(7);',
  });
  const db: Egress = {
    ...{ as: 'db', kind: 'postgres', host: '127.0.0.1', port: 1, name: 'shop' },
    credential: 'db-login',
  };
  assert.match(
    await reason({ hook: proxied, egress: [db] }),
    /^hook-needs: .*logs in with db-login/,
  );
});

test('a hook that fails, that is too slow or that is not the pinned one is unknown, with the reason', async () => {
  const failing = await nodeHook('fails', {
    needs: 'needs: {}',
    run: `process.stderr.write('the shop does not answer\\u001b[2J\\n'); process.exit(3);`,
  });
  const why = await reason({ hook: failing });
  assert.match(why, /ended with 3 \(the shop does not answer \[2J\)/);
  const slow = await nodeHook('sleeps', {
    needs: 'needs: {}',
    run: 'setTimeout(() => {}, 60000);',
  });
  assert.match(await reason({ hook: slow, limitSeconds: 1 }), /stopped at its limit of 1 s/);
  assert.match(await reason({ hook: `sleeps@sha256:${'0'.repeat(64)}` }), /^E_HOOK_DIGEST: /);
  assert.deepEqual(readdirSync(work), []);
});

test('a host without room for the hook, or without its sandbox, is a reason of the host', async () => {
  const hook = await nodeHook('host', { needs: 'needs: {}', run: 'process.exit(0);' });
  const file = join(directory, 'a-file');
  writeFileSync(file, '');
  const noRoom = await look({ hook }, { workDirectory: join(file, 'work') });
  assert.ok('reason' in noRoom && noRoom.byHost === true);
  assert.match(noRoom.reason, /^this host cannot run the hook: ENOTDIR: .* see to the host/);
  const refused = (error: Error): HookExecutor => ({
    isolation: 'bubblewrap',
    run: () => Promise.reject(error),
  });
  const spawned = Object.assign(new Error('spawn bwrap EAGAIN'), { syscall: 'spawn', errno: -11 });
  const unavailable = new SandboxError('sandbox-unavailable', 'bwrap is missing');
  for (const error of [spawned, unavailable]) {
    const seen = await look({ hook }, { executor: refused(error) });
    assert.ok('reason' in seen && seen.byHost === true, error.message);
    assert.ok(seen.reason.includes(error.message), seen.reason);
  }
  await assert.rejects(look({ hook }, { executor: refused(new TypeError('a bug')) }), /a bug/);
  assert.ok(!('byHost' in (await look({ hook }))), 'a hook that leaves no result is the hook’s');
  assert.deepEqual(readdirSync(work), []);
});

test('a result that is missing, malformed, too long, doubled or a link is unknown', async () => {
  const bodies: [body: string, told: RegExp][] = [
    ['', /cannot be read \(ENOENT\)/],
    [`writeFileSync(out, '{"running":"sha256:${delivered}"}');`, /: running /],
    [`writeFileSync(out, '{"running":["sha256:ABC"]}');`, /expected sha256:<64 hex>/],
    [`writeFileSync(out, '{"running":[],"more":1}');`, /more/],
    [
      `writeFileSync(out, JSON.stringify({ running: ['sha256:${delivered}', 'sha256:${delivered}'] }));`,
      /each digest once/,
    ],
    [
      `writeFileSync(out, JSON.stringify({ running: Array.from({ length: 17 }, (_, i) => 'sha256:' + String(i).padStart(64, '0')) }));`,
      /running/,
    ],
    [`require('node:fs').symlinkSync('/params.json', out);`, /cannot be read \(ELOOP\)/],
  ];
  for (const [index, [body, told]] of bodies.entries()) {
    const hook = await nodeHook(`result-${index}`, {
      needs: 'needs: {}',
      run: `const { writeFileSync } = require('node:fs'); const out = '/out/result.json'; ${body}`,
    });
    const why = await reason({ hook });
    assert.match(why, /^hook-result: /, body);
    assert.match(why, told, body);
  }
});

test('a look that is ended is over at once with every process of it', async () => {
  const mark = `airlock-lingers-${process.pid}`;
  const lingers = `process.title = '${mark}'; setInterval(() => {}, 1000);`;
  const hook = await nodeHook('lingers', {
    needs: 'needs: {}',
    run: `
      require('node:child_process').spawn('/opt/node/bin/node', ['-e', ${JSON.stringify(lingers)}], { detached: true });
      ${lingers}`,
  });
  const ending = new AbortController();
  const looking = look({ hook, signal: ending.signal, limitSeconds: 30 });
  const until = performance.now() + 15_000;
  while (withTitle(mark) < 2 && performance.now() < until) await sleep(50);
  assert.equal(withTitle(mark), 2, 'the hook and what it left behind run');
  const begun = performance.now();
  ending.abort();
  assert.ok('reason' in (await looking));
  assert.ok(performance.now() - begun < 10_000, 'long before its limit');
  assert.equal(withTitle(mark), 0);
  assert.deepEqual(readdirSync(work), []);
});

function withTitle(title: string): number {
  return readdirSync('/proc').filter((pid) => {
    try {
      return /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/cmdline`, 'utf8').startsWith(title);
    } catch {
      // It ended meanwhile.
      return false;
    }
  }).length;
}

async function nodeHook(
  name: string,
  given: { needs: string; params?: string; run: string },
): Promise<string> {
  const at = join(hooks, name);
  mkdirSync(at, { recursive: true });
  writeFileSync(
    join(at, 'hook.yaml'),
    `version: 1\nname: ${name}\nsummary: For a test.\n${given.needs}\n${given.params ?? 'params: {}'}\n`,
  );
  writeFileSync(join(at, 'run'), `#!/opt/node/bin/node\n${given.run}\n`);
  chmodSync(join(at, 'hook.yaml'), 0o644);
  chmodSync(join(at, 'run'), 0o755);
  return `${name}@sha256:${(await readHookDirectory(at)).digest}`;
}

function look(
  given: Partial<ObserveRequest> & { hook: string },
  host: Partial<Parameters<typeof createObserveHooks>[0]> = {},
): Promise<Look> {
  const runner = createObserveHooks({
    ...{ hooksDirectory: hooks, workDirectory: work, nodeBinary: process.execPath },
    ...{ executor: bubblewrapExecutor, ...host },
  });
  return runner.look({
    // Of the form that is given to looks.
    id: 'obs_0000000001' as Id<'obs'>,
    ...{ params: {}, egress: [status], limitSeconds: 20, signal: new AbortController().signal },
    live: {
      ...{ target: 'prod-eu', deliveryId: 'dlv_0000000001', promotionId: 'prm_0000000001' },
      ...{ release: '2026.11.22-1', artifactDigest: delivered, commit: 'c'.repeat(40) },
      ...{ mainPosition: 7, since: new Date() },
    },
    ...given,
  });
}

async function reason(given: Parameters<typeof look>[0]): Promise<string> {
  const seen = await look(given);
  assert.ok('reason' in seen, JSON.stringify(seen));
  return seen.reason;
}
