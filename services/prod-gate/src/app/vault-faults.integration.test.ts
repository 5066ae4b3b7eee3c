/** What becomes of a delivery, and of what it holds, when Vault fails: on the stand-in, which fails as it is told. */
import { readHookDirectory } from '@airlock/process/hook-directory';
import { startVaultDouble, type VaultDouble } from '@airlock/vault-double/server';
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { createDeliveryStore } from '../adapters/postgres/delivery-store.ts';
import { createDeliveryRig, deliver, until, type DeliveryRig } from '../testing/delivery-rig.ts';
import { policyOf } from '../testing/rig-deliverer.ts';
import type { RunDependencies } from './delivery-saga.ts';
import { runDelivery } from './run-delivery.ts';

const repositoryRoot = join(import.meta.dirname, '../../../..');
const target = 'prod-eu';
const calls = {
  login: /^(POST|PUT) auth\/jwt-[^/]+\/login$/,
  read: /^GET database-\w+\/creds\//,
  revokeSelf: /^(POST|PUT) auth\/token\/revoke-self$/,
  revocation: /^(POST|PUT) sys\/leases\/revoke/,
};

let rig: DeliveryRig;
let double: VaultDouble;
/** Every request, with the time of it. */
const asked: { line: string; at: number }[] = [];

before(async () => {
  const rootToken = randomBytes(12).toString('hex');
  double = await startVaultDouble({
    ...{ host: '127.0.0.1', port: 0, rootToken },
    log: ({ method, path }) => asked.push({ line: `${method} ${path}`, at: performance.now() }),
  });
  rig = await createDeliveryRig({
    targets: [target, 'prod-us'],
    vault: { address: double.address, rootToken },
    // Nobody here comes back with a login, but where the test says so.
    ...{ loginSeconds: 2, loginSkewSeconds: 0, requestTimeoutSeconds: 2 },
    async installHooks(directory) {
      await promisify(execFile)(process.execPath, [
        join(repositoryRoot, 'deploy/hooks/build.ts'),
        'load-release',
        directory,
      ]);
      const { digest } = await readHookDirectory(join(directory, 'load-release'));
      return () => `load-release@sha256:${digest}`;
    },
  });
});

after(async () => {
  await rig.close();
  await double.stop();
});

/** A delivery whose `at` is called when it passes a place. */
async function delivery(
  at: RunDependencies['failpoint'] = () => undefined,
  change: (run: RunDependencies) => Partial<RunDependencies> = () => ({}),
) {
  const { run, start, sessions } = rig.deliverer();
  const started = await start(await rig.admit(target));
  const { id } = started.delivery;
  asked.length = 0;
  const times = { ...run.times, cleanWithinMs: 1_000 };
  const outcome = deliver({ ...run, times, failpoint: at, ...change(run) }, started);
  return {
    outcome,
    started,
    session: () => sessions.ofDelivery(id),
    log: async (): Promise<string[]> => {
      const lines = await createDeliveryStore(rig.asDeliverer).log(id, { after: 0, limit: 200 });
      return lines.map(({ line }) => line);
    },
    /** Once what was to be revoked is: nothing is left, and the session says so where there was one. */
    endsClean: async (): Promise<void> => {
      await until(async () => {
        const session = await sessions.ofDelivery(id);
        return session === null || session.state === 'CLEAN';
      });
      await rig.nothingLeft(target);
    },
  };
}

const requestsOf = (call: RegExp) => asked.filter(({ line }) => call.test(line));

describe('while Vault is away, a delivery waits', () => {
  test('for a sealed Vault, without a session, and says so; then it goes on', async () => {
    double.faults.sealed = true;
    const { outcome, session, log, endsClean } = await delivery();
    try {
      await until(async () => (await log()).some((line) => line.includes('blocked:vault')));
      assert.ok((await log()).some((line) => line.includes('Vault is sealed; nothing was issued')));
      await sleep(400);
      assert.equal(await session(), null);
      assert.deepEqual(requestsOf(calls.login), []);
    } finally {
      double.faults.sealed = false;
    }
    assert.deepEqual(await outcome, { state: 'succeeded', reason: null });
    assert.ok((await log()).includes('Vault answers again'));
    await endsClean();
  });

  test('as long as a 429 asks for, and logs in once', async () => {
    const times: number[] = [];
    double.faults.inject({
      ...{ match: calls.login, times: 1, kind: 'status', status: 429, retryAfterSeconds: 1 },
    });
    const { outcome, endsClean } = await delivery((place) => {
      if (place === 'login-minted' || place === 'logged-in') times.push(performance.now());
    });
    assert.equal((await outcome)?.state, 'succeeded');
    const [minted = 0, loggedIn = 0] = times;
    assert.ok(loggedIn - minted >= 1_000, `logged in ${loggedIn - minted} ms after`);
    await endsClean();
  });

  test('with a credential that is read, and reads it when Vault is ready', async () => {
    double.faults.inject({
      ...{ match: calls.read, times: 1, kind: 'status', status: 429, retryAfterSeconds: 1 },
    });
    const { outcome, log, endsClean } = await delivery();
    assert.equal((await outcome)?.state, 'succeeded');
    assert.ok((await log()).some((line) => /429.*asked again in 1\.0 s/.test(line)));
    await endsClean();
  });

  test('and is ended when it is asked to stop, with nothing issued', async () => {
    double.faults.sealed = true;
    try {
      const { run, start, sessions } = rig.deliverer();
      const started = await start(await rig.admit(target));
      const stop = new AbortController();
      const outcome = runDelivery(run, started, stop.signal);
      await sleep(500);
      stop.abort();
      assert.deepEqual(await outcome, {
        state: 'failed',
        reason: 'the deliverer was asked to stop; production unchanged',
      });
      assert.equal(await sessions.ofDelivery(started.delivery.id), null);
    } finally {
      double.faults.sealed = false;
    }
  });
});

describe('a delivery never half-starts and ends clean when Vault', () => {
  test('sends it elsewhere: nobody there hears of it', async () => {
    let heard = 0;
    const elsewhere = createServer((_, response) => {
      heard += 1;
      response.end('{}');
    });
    await new Promise<void>((resolve) => {
      elsewhere.listen(0, '127.0.0.1', resolve);
    });
    const address = elsewhere.address();
    assert.ok(address !== null && typeof address === 'object');
    const location = `http://127.0.0.1:${address.port}/v1/`;
    const lift = double.faults.inject({ match: calls.login, kind: 'redirect', location });
    try {
      const { outcome, endsClean } = await delivery();
      const ended = await outcome;
      assert.equal(ended?.state, 'failed');
      assert.match(ended.reason, /vault-unavailable.*307.*production unchanged/);
      assert.equal(heard, 0);
      lift();
      await endsClean();
    } finally {
      lift();
      elsewhere.close();
    }
  });

  for (const [what, call] of Object.entries({ login: calls.login, read: calls.read })) {
    test(`is too slow with the ${what}, which it carried out`, async () => {
      double.faults.inject({
        ...{ match: call, times: 1, kind: 'delay', milliseconds: 2_500, executed: true },
      });
      const { outcome, endsClean } = await delivery();
      const ended = await outcome;
      assert.equal(ended?.state, 'failed');
      assert.match(ended.reason, /vault-outcome-unknown.*production unchanged/);
      // Noted when it was answered, which here may be later.
      await until(() => Promise.resolve(requestsOf(call).length > 0));
      assert.equal(requestsOf(call).length, 1, 'not asked twice');
      await endsClean();
    });

    test(`answers 500 to the ${what}, which it carried out`, async () => {
      double.faults.inject({ match: call, times: 1, kind: 'status', status: 500, executed: true });
      const { outcome, endsClean } = await delivery();
      const ended = await outcome;
      assert.equal(ended?.state, 'failed');
      assert.match(ended.reason, /vault-fault.*500.*production unchanged/);
      // Noted when it was answered, which here may be later.
      await until(() => Promise.resolve(requestsOf(call).length > 0));
      assert.equal(requestsOf(call).length, 1, 'not asked twice');
      await endsClean();
    });

    for (const kind of ['half-body', 'not-json', 'drop-before-execution'] as const) {
      test(`spoils the answer to the ${what} (${kind})`, async () => {
        double.faults.inject({ match: call, times: 1, kind });
        const { outcome, endsClean } = await delivery();
        const ended = await outcome;
        assert.equal(ended?.state, 'failed');
        assert.match(
          ended.reason,
          /vault-(answer-malformed|outcome-unknown).*production unchanged/,
        );
        await endsClean();
      });
    }
  }

  test('has let the token expire before the credential is read', async () => {
    double.faults.inject({ match: calls.read, times: 1, kind: 'expired-token' });
    const { outcome, endsClean } = await delivery();
    const ended = await outcome;
    assert.equal(ended?.state, 'failed');
    assert.match(ended.reason, /vault-refused.*403.*production unchanged/);
    await endsClean();
  });

  test('cannot write its audit log: no hook, and clean once it can again', async () => {
    const { outcome, session, endsClean } = await delivery((place) => {
      if (place === 'login-minted') double.faults.auditFailing = true;
    });
    try {
      const ended = await outcome;
      assert.equal(ended?.state, 'failed');
      assert.match(ended.reason, /vault-fault.*production unchanged/);
      assert.equal((await session())?.state, 'REVOKE_PENDING');
    } finally {
      double.faults.auditFailing = false;
    }
    await endsClean();
  });
});

describe('after a hook that succeeded the delivery succeeds, the target is held, and it ends clean once Vault', () => {
  const awayAt = {
    'is unsealed': (away: boolean) => {
      double.faults.sealed = away;
    },
    'can write its audit log': (away: boolean) => {
      double.faults.auditFailing = away;
    },
    'reaches the database again': (away: boolean) => {
      double.faults.databaseDown = away;
    },
  };
  for (const [what, setAway] of Object.entries(awayAt)) {
    test(what, async () => {
      const { outcome, session, endsClean } = await delivery((place) => {
        if (place === 'hook-finished') setAway(true);
      });
      try {
        assert.deepEqual(await outcome, { state: 'succeeded', reason: null });
        const pending = await session();
        assert.equal(pending?.state, 'REVOKE_PENDING');
        assert.ok(pending.lastError !== null && pending.lastError !== '');
        const next = rig.deliverer();
        if (what === 'reaches the database again') {
          const refused = await deliver(next.run, await next.start(await rig.admit(target)));
          assert.match(refused?.reason ?? '', /target-busy.*production unchanged/);
        }
      } finally {
        setAway(false);
      }
      await endsClean();
    });
  }

  test('carries out what it had answered 500 to', async () => {
    const lift = double.faults.inject({ match: calls.revocation, kind: 'status', status: 500 });
    const { outcome, session, endsClean } = await delivery();
    try {
      assert.equal((await outcome)?.state, 'succeeded');
      // The token revoked itself and its leases; what counts is that Vault lists nothing.
      assert.ok(['CLEAN', 'REVOKE_PENDING'].includes((await session())?.state ?? ''));
    } finally {
      lift();
    }
    await endsClean();
  });

  test('has let the token expire before it revokes itself', async () => {
    double.faults.inject({ match: calls.revokeSelf, times: 1, kind: 'expired-token' });
    const { outcome, endsClean } = await delivery();
    assert.equal((await outcome)?.state, 'succeeded');
    await endsClean();
  });

  test('ends leases behind the back of who asked', async () => {
    double.faults.lazyRevocation = true;
    try {
      const { outcome, endsClean } = await delivery();
      assert.equal((await outcome)?.state, 'succeeded');
      await endsClean();
    } finally {
      double.faults.lazyRevocation = false;
    }
  });
});

describe('a login', () => {
  /** A deliverer whose login calls go through `use`, which gets what it would have been. */
  async function misused(
    use: (
      request: Parameters<RunDependencies['vault']['login']>[0],
      vault: RunDependencies['vault'],
    ) => ReturnType<RunDependencies['vault']['login']>,
  ) {
    return await delivery(undefined, ({ vault }) => ({
      vault: { ...vault, login: (request) => use(request, vault) },
    }));
  }

  test('shown twice opens nothing that outlives the delivery', async () => {
    let second = '';
    const { outcome, endsClean } = await misused(async (request, vault) => {
      const token = await vault.login(request);
      second = (await vault.login(request)).accessor;
      return token;
    });
    assert.equal((await outcome)?.state, 'succeeded');
    assert.notEqual(second, '');
    await endsClean();
  });

  test('shown again after the session is clean is found when it has ended, told, and swept', async () => {
    let again: (() => ReturnType<RunDependencies['vault']['login']>) | undefined;
    const { outcome, started, endsClean } = await misused((request, vault) => {
      // Whoever took it is not stopped with the delivery.
      again = () => vault.login({ ...request, signal: undefined });
      return vault.login(request);
    });
    assert.equal((await outcome)?.state, 'succeeded');
    await endsClean();
    const token = await again?.();
    const [read] = started.policy.credentials.vault.reads;
    assert.ok(token !== undefined && read !== undefined);
    await token.read(read, {});
    assert.deepEqual(await rig.leftOf(target), { tokens: 1, leases: 1, roles: 1 });
    const events: unknown[] = [];
    const sweep = rig.lateLoginSweep(({ target: where, tokens, leases }) => {
      events.push({ where, tokens, leases });
    });
    await until(async () => {
      await sweep.pass();
      return events.length > 0;
    });
    assert.deepEqual(events, [{ where: target, tokens: 1, leases: 1 }]);
    await rig.nothingLeft(target);
    await sweep.pass();
    assert.equal(events.length, 1);
  });

  test('that has ended is refused, and the session ends clean', async () => {
    const { outcome, endsClean } = await misused(async (request, vault) => {
      // Vault's role takes it five seconds longer than it says.
      await sleep(7_500);
      return await vault.login(request);
    });
    assert.match((await outcome)?.reason ?? '', /vault-refused.*production unchanged/);
    await endsClean();
  });

  test('for one target is refused by the mount of another', async () => {
    const other = policyOf(rig.settings, 'prod-us').policy.credentials.vault;
    const { outcome, endsClean } = await misused((request, vault) =>
      vault.login({ ...request, mount: other.jwtMount, role: other.jwtRole }),
    );
    assert.match((await outcome)?.reason ?? '', /vault-refused.*production unchanged/);
    await endsClean();
    await rig.nothingLeft('prod-us');
  });

  test("reads no other target's credential, also when the deliverer asks for it", async () => {
    const [read] = policyOf(rig.settings, 'prod-us').policy.credentials.vault.reads;
    assert.ok(read !== undefined);
    const { outcome, endsClean } = await misused(async (request, vault) => {
      const token = await vault.login(request);
      return { ...token, read: (_, options) => token.read(read, options) };
    });
    assert.match((await outcome)?.reason ?? '', /vault-refused.*403.*production unchanged/);
    await endsClean();
    await rig.nothingLeft('prod-us');
  });
});
