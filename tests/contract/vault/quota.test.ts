import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { vaultServers } from './servers.ts';
import { type Workspace, openWorkspace } from './workspace.ts';

for (const server of vaultServers()) {
  describe(`rate-limit quotas on ${server.name}`, () => {
    let space: Workspace;
    let mount: string;
    const quota = () => `sys/quotas/rate-limit/${mount}`;
    before(async () => {
      space = openWorkspace(await server.start());
      mount = (await space.mount('transit')) ?? '';
    });
    after(async () => {
      await space.asRoot('POST', 'sys/quotas/config', {
        enable_rate_limit_response_headers: false,
      });
      await space.asRoot('DELETE', quota());
      await space.close();
    });

    const limit = (body: object) => space.asRoot('POST', quota(), { path: mount, ...body });
    const ask = () => space.asRoot('GET', `${mount}/x`);
    const setHeaders = (isOn: boolean) =>
      space.asRoot('POST', 'sys/quotas/config', { enable_rate_limit_response_headers: isOn });
    const rateHeaders = (headers: Headers) =>
      ['retry-after', 'x-ratelimit-limit', 'x-ratelimit-remaining', 'x-ratelimit-reset'].map(
        (name) => headers.get(name),
      );

    test('a quota is written, read back, listed and deleted', async () => {
      assert.equal((await limit({ rate: 1, interval: '3s' })).status, 204);
      const { body } = await space.asRoot('GET', quota());
      const { name, rate, interval, path, type } = body.data ?? {};
      assert.deepEqual(
        { name, rate, interval, type },
        { name: mount, rate: 1, interval: 3, type: 'rate-limit' },
      );
      assert.match(String(path), new RegExp(`^${mount}/?$`));
      const listed = await space.asRoot('GET', 'sys/quotas/rate-limit?list=true');
      assert.ok(JSON.stringify(listed.body.data?.['keys']).includes(mount));
      assert.equal((await space.asRoot('DELETE', quota())).status, 204);
      assert.equal((await space.asRoot('GET', quota())).status, 404);
    });

    test('one request too many is a 429 that names the path, without a word on when to come back', async () => {
      await limit({ rate: 1, interval: '1s' });
      await setHeaders(false);
      await space.vault.passSeconds(1.1);
      assert.notEqual((await ask()).status, 429);
      const { status, errors, headers } = await ask();
      assert.equal(status, 429);
      assert.equal(errors, `request path "${mount}/x": rate limit quota exceeded`);
      assert.deepEqual(rateHeaders(headers), [null, null, null, null]);
    });

    test('with response headers it says when to come back, and then it lets in', async () => {
      await setHeaders(true);
      await limit({ rate: 2, interval: '2s' });
      await space.vault.passSeconds(2.1);
      const first = await ask();
      assert.notEqual(first.status, 429);
      assert.deepEqual(rateHeaders(first.headers).slice(0, 3), [null, '2', '1']);
      await ask();
      const { status, headers } = await ask();
      assert.equal(status, 429);
      const [retryAfter, most, left, reset] = rateHeaders(headers);
      assert.deepEqual([most, left], ['2', '0']);
      assert.match(retryAfter ?? '', /^[0-2]$/);
      assert.equal(reset, retryAfter);
      await space.vault.passSeconds(2.1);
      assert.notEqual((await ask()).status, 429);
    });

    test('a quota of one path leaves every other path alone', async () => {
      await setHeaders(false);
      await limit({ rate: 1, interval: '10s' });
      await ask();
      assert.equal((await ask()).status, 429);
      const { status } = await space.asRoot('GET', 'sys/policies/acl/default');
      assert.equal(status, 200);
    });

    const refused: [string, object, RegExp][] = [
      ['without a rate', { rate: 0 }, /'rate' is invalid/],
      ['for a path where nothing is mounted', { rate: 1, path: 'no-such' }, /invalid mount path/],
    ];
    for (const [what, body, reason] of refused) {
      test(`a quota ${what} is refused`, async () => {
        const { status, errors } = await limit(body);
        assert.equal(status, 400);
        assert.match(errors, reason);
      });
    }
  });
}
