/**
 * What no real server can be made to do on demand: the stand-in's faults, injected over its admin port as another process would.
 * What these answers mean was measured on real servers; here it is that they come as they are asked for.
 */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, afterEach, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { createSteeredClock } from '@airlock/vault-double/clock';
import { startVaultDouble } from '@airlock/vault-double/server';
import { type Fixture, createFixture } from './fixture.ts';
import type { VaultServer } from './servers.ts';

describe('faults on double', () => {
  let fixture: Fixture;
  let admin: string;
  const server: VaultServer = {
    name: 'double',
    isDouble: true,
    async start() {
      const rootToken = randomBytes(12).toString('hex');
      const clock = createSteeredClock();
      const double = await startVaultDouble({
        host: '127.0.0.1',
        port: 0,
        adminPort: 0,
        rootToken,
        clock,
        // The middle of the range: the waits between two tries are 20 s, 40 s and so on.
        random: () => 0.5,
      });
      admin = double.adminAddress ?? '';
      return {
        address: double.address,
        rootToken,
        tlsAddress: double.tlsAddress,
        auditFile: null,
        stop: double.stop,
        now: () => double.clock.now(),
        passSeconds: (seconds) => clock.advance(seconds * 1000),
      };
    },
  };
  before(async () => {
    fixture = await createFixture(server);
  });
  afterEach(async () => {
    await steer('DELETE', '/');
    for (const prefix of [loginPrefix(), credentialPrefix()]) {
      const swept = await asRoot('PUT', `sys/leases/revoke-prefix/${prefix}`);
      assert.equal(swept.status, 204);
    }
  });
  after(() => fixture.close());

  async function steer(method: string, path: string, body?: object) {
    const response = await fetch(`${admin}${path}`, {
      method,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, text };
  }
  const inject = async (fault: object) => {
    const { status, text } = await steer('POST', '/faults', fault);
    assert.equal(status, 201, text);
  };
  const setConditions = async (conditions: object) => {
    const { status, text } = await steer('PUT', '/conditions', conditions);
    assert.equal(status, 200, text);
  };
  const asRoot = (method: string, path: string, body?: object) =>
    fixture.call(fixture.rootToken, method, path, body);
  const loginPrefix = () => `auth/${fixture.a.jwtMount}/login`;
  const credentialPrefix = () => `${fixture.a.databaseMount}/creds/${fixture.a.databaseRole}`;
  const isListed = async (prefix: string) =>
    (await asRoot('GET', `sys/leases/lookup/${prefix}/?list=true`)).status === 200;
  const get = (token: string, signal?: AbortSignal) =>
    fetch(`${fixture.vault.address}/v1/${credentialPrefix()}`, {
      redirect: 'manual',
      headers: { 'X-Vault-Token': token },
      ...(signal === undefined ? {} : { signal }),
    });
  const readsCredential = { match: '^GET .*/creds/', times: 1 };

  test('sealed, everything but health and seal-status is a 503', async () => {
    const { token } = await fixture.login(fixture.a);
    await setConditions({ sealed: true });
    const statuses: Record<string, number> = {};
    for (const path of ['sys/health', 'sys/seal-status', credentialPrefix(), 'sys/mounts']) {
      statuses[path] = (await fixture.call(token, 'GET', path)).status;
    }
    assert.deepEqual(Object.values(statuses), [503, 200, 503, 503]);
    const { body } = await asRoot('PUT', 'sys/leases/revoke', { lease_id: 'x', sync: true });
    assert.deepEqual(body.errors, ['Vault is sealed']);
    await setConditions({ sealed: false });
    assert.equal((await get(token)).status, 200);
  });

  test('with the audit device failing health is 200, every request a 500, and nothing is executed', async () => {
    const { token } = await fixture.login(fixture.a);
    await setConditions({ auditFailing: true });
    assert.equal((await fixture.call(null, 'GET', 'sys/health')).status, 200);
    const { status, body } = await fixture.call(token, 'GET', credentialPrefix());
    assert.deepEqual([status, body.errors], [500, ['internal error']]);
    await assert.rejects(fixture.login(fixture.a), /500/);
    await setConditions({ auditFailing: false });
    assert.equal(await isListed(credentialPrefix()), false);
  });

  test('a request that is dropped was not executed; an answer that is dropped was', async () => {
    const { token } = await fixture.login(fixture.a);
    await inject({ ...readsCredential, kind: 'drop-before-execution' });
    await assert.rejects(get(token));
    assert.equal(await isListed(credentialPrefix()), false);
    await inject({ ...readsCredential, kind: 'drop-after-execution' });
    await assert.rejects(get(token));
    assert.equal(await isListed(credentialPrefix()), true);
  });

  test('half an answer is an executed request', async () => {
    const { token } = await fixture.login(fixture.a);
    await inject({ ...readsCredential, kind: 'half-body' });
    const response = await get(token);
    assert.equal(response.status, 200);
    await assert.rejects(response.text());
    assert.equal(await isListed(credentialPrefix()), true);
  });

  test('a page instead of JSON comes from something in front, and nothing was executed', async () => {
    const { token } = await fixture.login(fixture.a);
    await inject({ ...readsCredential, kind: 'not-json' });
    const response = await get(token);
    assert.deepEqual([response.status, response.headers.get('content-type')], [200, 'text/html']);
    assert.equal(await isListed(credentialPrefix()), false);
  });

  test('a 500 can be the answer to a request that was executed', async () => {
    await inject({ match: 'login$', times: 1, kind: 'status', status: 500, executed: true });
    await assert.rejects(fixture.login(fixture.a), /500/);
    assert.equal(await isListed(loginPrefix()), true, 'the token lives');
  });

  test('a 429 comes with Retry-After or without', async () => {
    const { token } = await fixture.login(fixture.a);
    await inject({ ...readsCredential, kind: 'status', status: 429, retryAfterSeconds: 7 });
    const told = await get(token);
    assert.deepEqual([told.status, told.headers.get('retry-after')], [429, '7']);
    await inject({ ...readsCredential, kind: 'status', status: 429 });
    const untold = await get(token);
    assert.deepEqual([untold.status, untold.headers.get('retry-after')], [429, null]);
    assert.match(await untold.text(), /rate limit quota exceeded/);
    assert.equal(await isListed(credentialPrefix()), false);
  });

  test('a standby redirects and executes nothing', async () => {
    const { token } = await fixture.login(fixture.a);
    const location = 'https://active.example/v1/x';
    await inject({ ...readsCredential, kind: 'redirect', location });
    const response = await get(token);
    assert.deepEqual([response.status, response.headers.get('location')], [307, location]);
    assert.equal(await isListed(credentialPrefix()), false);
  });

  test('a caller that does not wait for a late answer has caused it all the same', async () => {
    const { token } = await fixture.login(fixture.a);
    await inject({ ...readsCredential, kind: 'delay', milliseconds: 2000, executed: true });
    await assert.rejects(get(token, AbortSignal.timeout(1000)));
    for (let look = 0; look < 50 && !(await isListed(credentialPrefix())); look += 1) {
      await sleep(100);
    }
    assert.equal(await isListed(credentialPrefix()), true);
  });

  test('a slow server executes late', async () => {
    const { token } = await fixture.login(fixture.a);
    await inject({ ...readsCredential, kind: 'delay', milliseconds: 400 });
    const started = performance.now();
    assert.equal((await get(token)).status, 200);
    assert.ok(performance.now() - started >= 399);
  });

  test('a token that has just ended is refused, and its credential is gone', async () => {
    const { token } = await fixture.login(fixture.a);
    const { username } = await fixture.credential(fixture.a, token);
    await inject({ ...readsCredential, kind: 'expired-token' });
    const { status, body } = await fixture.call(token, 'GET', credentialPrefix());
    assert.deepEqual([status, body.errors], [403, ['permission denied']]);
    for (let look = 0; look < 50 && (await fixture.roleExists(fixture.a, username)); look += 1) {
      await sleep(100);
    }
    assert.equal(await fixture.roleExists(fixture.a, username), false);
  });

  test('a server that revokes behind the caller’s back answers 202 to sync, too', async () => {
    const { token } = await fixture.login(fixture.a);
    const { leaseId } = await fixture.credential(fixture.a, token);
    await setConditions({ lazyRevocation: true });
    const { status } = await asRoot('PUT', 'sys/leases/revoke', { lease_id: leaseId, sync: true });
    assert.equal(status, 202);
  });

  test('a clock that is ten minutes off refuses a fresh JWT, in both directions', async () => {
    const now = Math.floor(Date.now() / 1000);
    const fresh = { iat: now, nbf: now, exp: now + 20 };
    const logIn = async () => {
      const jwt = fixture.mint(fixture.a, fresh);
      const { body } = await fixture.call(null, 'POST', loginPrefix(), { role: 'deliver', jwt });
      return body.errors?.join() ?? 'let in';
    };
    await setConditions({ clockSkewMilliseconds: 600_000 });
    assert.match(await logIn(), /expired/);
    await setConditions({ clockSkewMilliseconds: -600_000 });
    assert.match(await logIn(), /not yet valid/);
    await setConditions({ clockSkewMilliseconds: 0 });
    assert.equal(await logIn(), 'let in');
  });

  test('with the databases away no credential is given out; one that should go is tried again until they are back', async () => {
    const { token, accessor } = await fixture.login(fixture.a);
    const { username, leaseId } = await fixture.credential(fixture.a, token);
    await setConditions({ databaseDown: true });
    assert.equal((await get(token)).status, 500);
    const ended = await asRoot('POST', 'auth/token/revoke-accessor', { accessor });
    assert.equal(ended.status, 204);
    await steer('POST', '/clock', { advanceMilliseconds: 19_000 });
    await setConditions({ databaseDown: false });
    assert.equal(await fixture.roleExists(fixture.a, username), true);
    await steer('POST', '/clock', { advanceMilliseconds: 1500 });
    const { status } = await asRoot('PUT', 'sys/leases/lookup', { lease_id: leaseId });
    assert.equal(status, 400, 'invalid lease');
    assert.equal(await fixture.roleExists(fixture.a, username), false);
  });

  test('after six tries a lease is irrevocable: counted, with its reason, and never tried again by itself', async () => {
    const { token, accessor } = await fixture.login(fixture.a);
    const { username, leaseId } = await fixture.credential(fixture.a, token);
    await setConditions({ databaseDown: true });
    await asRoot('POST', 'auth/token/revoke-accessor', { accessor });
    const count = async () =>
      (await asRoot('GET', 'sys/leases/count?type=irrevocable')).body.data?.['lease_count'];
    // 20 + 40 + 80 + 160 s: the fifth try. The sixth comes 320 s later.
    await steer('POST', '/clock', { advanceMilliseconds: 301_000 });
    assert.equal(await count(), 0);
    await steer('POST', '/clock', { advanceMilliseconds: 320_000 });
    assert.equal(await count(), 1);
    const { body } = await asRoot('PUT', 'sys/leases/lookup', { lease_id: leaseId });
    assert.match(String(body.data?.['revoke_error']), /failed to connect/);
    await setConditions({ databaseDown: false });
    await steer('POST', '/clock', { advanceMilliseconds: 24 * 3_600_000 });
    assert.equal(await fixture.roleExists(fixture.a, username), true, 'nobody tried');
    const asked = await asRoot('PUT', 'sys/leases/revoke', { lease_id: leaseId, sync: true });
    assert.equal(asked.status, 204);
    assert.equal(await fixture.roleExists(fixture.a, username), false);
  });

  test('faults and conditions are listed, taken back one by one, and lifted together', async () => {
    await setConditions({ lazyRevocation: true });
    await inject({ match: 'never', kind: 'not-json' });
    const fault = { match: 'nothing', times: 2, kind: 'delay', milliseconds: 5 };
    const { text } = await steer('POST', '/faults', fault);
    const { id } = JSON.parse(text) as { id: string };
    const shown = async () => JSON.parse((await steer('GET', '/')).text) as object;
    const before = (await shown()) as { conditions: { lazyRevocation: boolean }; faults: object[] };
    assert.equal(before.conditions.lazyRevocation, true);
    assert.deepEqual(before.faults.at(-1), { id, ...fault });
    assert.equal((await steer('DELETE', `/faults/${id}`)).status, 204);
    assert.equal((await steer('DELETE', `/faults/${id}`)).status, 404);
    assert.equal((await steer('DELETE', '/')).status, 204);
    assert.deepEqual(await shown(), {
      conditions: {
        sealed: false,
        auditFailing: false,
        databaseDown: false,
        lazyRevocation: false,
        clockSkewMilliseconds: 0,
      },
      faults: [],
    });
  });

  const malformed: [string, string, string, object, RegExp][] = [
    ['an unknown kind', 'POST', '/faults', { match: 'x', kind: 'flood' }, /kind/],
    ['no pattern', 'POST', '/faults', { kind: 'not-json' }, /match/],
    ['no regular expression', 'POST', '/faults', { match: '(', kind: 'not-json' }, /regular/],
    ['an unknown field', 'POST', '/faults', { match: 'x', kind: 'not-json', a: 1 }, /a/],
    ['an unknown condition', 'PUT', '/conditions', { raining: true }, /raining/],
    ['time that goes back', 'POST', '/clock', { advanceMilliseconds: -1 }, /advanceMilliseconds/],
  ];
  for (const [what, method, path, body, reason] of malformed) {
    test(`${what} is refused with the reason`, async () => {
      const { status, text } = await steer(method, path, body);
      assert.equal(status, 400);
      assert.match(text, reason);
    });
  }
});
