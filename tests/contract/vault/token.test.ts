import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { vaultServers } from './servers.ts';
import { type Workspace, openWorkspace } from './workspace.ts';

for (const server of vaultServers()) {
  describe(`tokens on ${server.name}`, () => {
    let space: Workspace;
    let policy: string;
    let other: string;
    let pki: string;
    before(async () => {
      space = openWorkspace(await server.start());
      pki = (await space.mount('pki')) ?? '';
      const ec = { key_type: 'ec', key_bits: 256 };
      await space.asRoot('POST', `${pki}/root/generate/internal`, { common_name: 'CA', ...ec });
      await space.asRoot('POST', `${pki}/roles/leased`, {
        allow_any_name: true,
        generate_lease: true,
        max_ttl: '10m',
        ...ec,
      });
      policy = await space.policy({
        'auth/token/create': ['update'],
        'auth/token/create/*': ['update'],
        'auth/token/lookup-self': ['read'],
        'auth/token/renew-self': ['update'],
        'auth/token/revoke-self': ['update'],
        'auth/token/create-orphan': ['update'],
        [`${pki}/issue/leased`]: ['update'],
      });
      other = await space.policy({ 'sys/mounts': ['read'] });
    });
    after(() => space.close());

    const create = (token: string, body: object, role = '') =>
      space.call(token, 'POST', `auth/token/create${role}`, body);
    const lookUp = (token: string) => space.asRoot('POST', 'auth/token/lookup', { token });
    const childOf = async (token: string, body: object = {}) => {
      const answer = await create(token, { policies: [policy], ...body });
      assert.equal(answer.status, 200, answer.errors);
      return answer.body.auth ?? assert.fail('no auth');
    };

    test('a child has its parent’s policies at most', async () => {
      const { token } = await space.token([policy]);
      assert.deepEqual((await childOf(token)).policies, [policy]);
      const answer = await create(token, { policies: [other] });
      assert.equal(answer.status, 400);
      assert.match(answer.errors, /child policies must be subset of parent/);
    });

    test('a child is no orphan, and dies with its parent', async () => {
      const { token } = await space.token([policy]);
      const child = await childOf(token);
      assert.equal(child.orphan, false);
      assert.equal((await lookUp(child.client_token)).status, 200);
      await space.asRoot('POST', 'auth/token/revoke', { token });
      await eventually('the child is gone', async () => {
        const answer = await lookUp(child.client_token);
        return answer.status === 403 && /bad token/.test(answer.errors);
      });
    });

    test('a lease dies with its token', async () => {
      const { token } = await space.token([policy]);
      const issued = await space.call(token, 'POST', `${pki}/issue/leased`, {
        common_name: 'a.example',
      });
      const lease = { lease_id: issued.body.lease_id };
      assert.equal((await space.asRoot('PUT', 'sys/leases/lookup', lease)).status, 200);
      await space.asRoot('POST', 'auth/token/revoke', { token });
      await eventually('the lease is gone', async () => {
        const answer = await space.asRoot('PUT', 'sys/leases/lookup', lease);
        return /invalid lease/.test(answer.errors);
      });
    });

    test('a lease does not outlive its token, whatever it was promised', async () => {
      const { token } = await space.token([policy], { ttl: '2s' });
      const issued = await space.call(token, 'POST', `${pki}/issue/leased`, {
        common_name: 'a.example',
      });
      assert.equal(issued.status, 200, issued.errors);
      await eventually('token and lease are gone', async () => {
        const answer = await space.asRoot('PUT', 'sys/leases/lookup', {
          lease_id: issued.body.lease_id,
        });
        return /invalid lease/.test(answer.errors) && (await lookUp(token)).status === 403;
      });
    });

    test('revoked as an orphaning parent, it leaves its children alive', async () => {
      const { token } = await space.token([policy]);
      const child = await childOf(token);
      assert.equal((await space.asRoot('POST', 'auth/token/revoke-orphan', { token })).status, 204);
      const { body } = await lookUp(child.client_token);
      assert.equal(body.data?.['orphan'], true);
      await space.asRoot('POST', 'auth/token/revoke', { token: child.client_token });
    });

    test('an orphan is made by its own path or with sudo, and has no more policies than its maker', async () => {
      const { token } = await space.token([policy]);
      const answer = await create(token, { no_parent: true });
      assert.equal(answer.status, 400);
      assert.match(answer.errors, /sudo privileges required to create orphan token/);
      const orphan = await create(token, {}, '-orphan');
      assert.equal(orphan.body.auth?.orphan, true);
      assert.deepEqual(orphan.body.auth.policies, [policy]);
      const more = await create(token, { policies: [other] }, '-orphan');
      assert.match(more.errors, /child policies must be subset of parent/);
      await space.asRoot('POST', 'auth/token/revoke', { token: orphan.body.auth.client_token });
    });

    test('a token with one use left is good for one request', async () => {
      const { token } = await space.token([policy], { num_uses: 1 });
      assert.equal((await space.call(token, 'GET', 'auth/token/lookup-self')).status, 200);
      assert.equal((await space.call(token, 'GET', 'auth/token/lookup-self')).status, 403);
    });

    test('a denied request is a use as well', async () => {
      const { token } = await space.token([policy], { num_uses: 2 });
      assert.equal((await space.call(token, 'GET', 'sys/mounts')).status, 403);
      const { body } = await space.call(token, 'GET', 'auth/token/lookup-self');
      assert.notEqual(body.data, undefined, 'the second use goes through');
      assert.equal((await space.call(token, 'GET', 'auth/token/lookup-self')).status, 403);
    });

    for (const [how, headers] of [
      ['plain', {}],
      ['wrapped', { 'X-Vault-Wrap-TTL': '60s' }],
    ] as const) {
      test(`a leased secret on the last use is revoked and not returned (${how})`, async () => {
        const { token } = await space.token([policy], { num_uses: 1 });
        const body = { common_name: 'a.example' };
        const answer = await space.call(token, 'POST', `${pki}/issue/leased`, body, headers);
        assert.equal(answer.status, 400);
        assert.match(answer.errors, /Secret cannot be returned; token had one use left/);
      });
    }

    test('a role gives its policies and refuses any others, all of them named', async () => {
      const role = `role-${policy}`;
      await space.asRoot('POST', `auth/token/roles/${role}`, {
        allowed_policies: [policy],
        orphan: true,
        renewable: false,
        token_explicit_max_ttl: '90s',
        token_no_default_policy: true,
      });
      const { token } = await space.token([policy]);
      const granted = await create(token, {}, `/${role}`);
      assert.equal(granted.status, 200, granted.errors);
      assert.deepEqual(granted.body.auth?.policies, [policy]);
      assert.equal(granted.body.auth.orphan, true);
      assert.equal(granted.body.auth.lease_duration, 90);
      const refused = await create(token, { policies: [other] }, `/${role}`);
      assert.equal(refused.status, 400);
      assert.match(refused.errors, /must be subset of the role's allowed policies/);
      await space.asRoot('DELETE', `auth/token/roles/${role}`);
      const unknown = await create(token, {}, `/${role}`);
      assert.equal(unknown.status, 400);
      assert.match(unknown.errors, /unknown role/);
    });

    test('a token bound to other addresses is none here', async () => {
      const role = `bound-${policy}`;
      await space.asRoot('POST', `auth/token/roles/${role}`, {
        allowed_policies: [policy],
        token_bound_cidrs: ['10.255.255.0/24'],
      });
      const { token } = await space.token([policy]);
      const made = await create(token, {}, `/${role}`);
      const bound = made.body.auth?.client_token ?? '';
      assert.equal((await space.call(bound, 'GET', 'auth/token/lookup-self')).status, 403);
      await space.asRoot('DELETE', `auth/token/roles/${role}`);
    });

    test('renewal stops at the explicit maximum, with a warning', async () => {
      const { token } = await space.token([policy], { ttl: '20s', explicit_max_ttl: '40s' });
      const renew = (increment: string) =>
        space.call(token, 'POST', 'auth/token/renew-self', { increment });
      assert.equal((await renew('30s')).body.auth?.lease_duration, 30);
      const answer = await renew('300s');
      const seconds = answer.body.auth?.lease_duration ?? 0;
      assert.ok(seconds > 30 && seconds <= 40, `${seconds} s`);
      assert.match(answer.text, /exceeded the effective max_ttl/);
    });

    test('a token that is not renewable is not renewed', async () => {
      const { token } = await space.token([policy], { renewable: false });
      const answer = await space.call(token, 'POST', 'auth/token/renew-self', {});
      assert.equal(answer.status, 400);
      assert.match(answer.errors, /lease is not renewable/);
    });

    test('looking up by accessor tells everything but the token', async () => {
      const { token, accessor } = await space.token([policy], { meta: { delivery_id: 'd-1' } });
      const { body } = await space.asRoot('POST', 'auth/token/lookup-accessor', { accessor });
      assert.equal(body.data?.['id'], '');
      assert.deepEqual(body.data['meta'], { delivery_id: 'd-1' });
      const self = await space.call(token, 'GET', 'auth/token/lookup-self');
      assert.equal(self.body.data?.['id'], token);
      assert.equal(self.body.data['accessor'], accessor);
    });

    const refused: [string, string, object, number, RegExp][] = [
      ['looking up nothing known', 'lookup', { token: 's.x' }, 403, /bad token/],
      ['an accessor that never was', 'lookup-accessor', { accessor: 'x' }, 400, /invalid accessor/],
      ['no accessor', 'lookup-accessor', {}, 400, /missing accessor/],
      ['revoking nothing', 'revoke', {}, 400, /missing token ID/],
      ['a negative life', 'create', { ttl: '-5s' }, 400, /ttl must be positive/],
      ['a negative number of uses', 'create', { num_uses: -1 }, 400, /cannot be negative/],
    ];
    for (const [what, path, body, status, reason] of refused) {
      test(`refused: ${what}`, async () => {
        const answer = await space.asRoot('POST', `auth/token/${path}`, body);
        assert.equal(answer.status, status);
        assert.match(answer.errors, reason);
      });
    }

    test('revoking what never was succeeds', async () => {
      const answer = await space.asRoot('POST', 'auth/token/revoke', { token: 's.never' });
      // Vault and OpenBao 2.x both say 204.
      assert.equal(answer.status, 204);
    });

    test('PUT is POST', async () => {
      const answer = await space.asRoot('PUT', 'auth/token/create', { ttl: '5s' });
      assert.equal(answer.status, 200);
      const token = answer.body.auth?.client_token;
      assert.equal((await space.asRoot('PUT', 'auth/token/revoke', { token })).status, 204);
    });

    test('every answer comes in the same envelope', async () => {
      const { body } = await space.asRoot('GET', 'auth/token/lookup-self');
      for (const field of [
        'request_id',
        'lease_id',
        'renewable',
        'lease_duration',
        'data',
        'wrap_info',
        'warnings',
        'auth',
      ]) {
        assert.ok(field in body, field);
      }
    });
  });
}

async function eventually(what: string, holds: () => Promise<boolean>): Promise<void> {
  for (let attempt = 0; attempt < 60; attempt += 1) {
    if (await holds()) return;
    await sleep(100);
  }
  assert.fail(`not within 6 s: ${what}`);
}
