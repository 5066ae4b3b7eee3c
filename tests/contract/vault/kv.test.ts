import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { vaultServers } from './servers.ts';
import { type Workspace, openWorkspace } from './workspace.ts';

for (const server of vaultServers()) {
  describe(`key-value secrets, version 2, on ${server.name}`, () => {
    let space: Workspace;
    let mount: string;
    before(async () => {
      space = openWorkspace(await server.start());
      mount = (await space.mount('kv', { version: '2' })) ?? '';
    });
    after(() => space.close());

    const write = (name: string, value: string, options?: object) =>
      space.asRoot('POST', `${mount}/data/${name}`, { data: { token: value }, options });
    const read = (name: string, query = '') => space.asRoot('GET', `${mount}/data/${name}${query}`);

    test('a secret is read with its version, and without a lease', async () => {
      assert.equal((await write('prod/api', 'first')).body.data?.['version'], 1);
      const { status, body } = await read('prod/api');
      assert.equal(status, 200);
      assert.equal(body.lease_id, '');
      assert.deepEqual(body.data?.['data'], { token: 'first' });
    });

    test('an older version stays readable by its number', async () => {
      await write('versions', 'one');
      await write('versions', 'two');
      assert.deepEqual((await read('versions')).body.data?.['data'], { token: 'two' });
      assert.deepEqual((await read('versions', '?version=1')).body.data?.['data'], {
        token: 'one',
      });
      assert.equal((await read('versions', '?version=3')).status, 404);
    });

    test('check-and-set refuses a writer who has not seen the current version', async () => {
      assert.equal((await write('cas', 'one', { cas: 0 })).status, 200);
      const late = await write('cas', 'two', { cas: 0 });
      assert.equal(late.status, 400);
      assert.match(late.errors, /check-and-set parameter did not match the current version/);
      assert.equal((await write('cas', 'two', { cas: 1 })).status, 200);
    });

    test('check-and-set can be demanded for one secret', async () => {
      await space.asRoot('POST', `${mount}/metadata/strict`, { cas_required: true });
      const answer = await write('strict', 'x');
      assert.equal(answer.status, 400);
      assert.match(answer.errors, /check-and-set parameter required/);
    });

    test('what never was is 404 without a body of data', async () => {
      const { status, body } = await read('never');
      assert.equal(status, 404);
      assert.deepEqual(body, { errors: [] });
    });

    test('what was deleted is 404 too, with its metadata, and can be brought back', async () => {
      await write('deleted', 'x');
      assert.equal((await space.asRoot('DELETE', `${mount}/data/deleted`)).status, 204);
      const gone = await read('deleted');
      assert.equal(gone.status, 404);
      assert.equal(gone.body.data?.['data'], null);
      assert.notEqual(metadataOf(gone.body.data)['deletion_time'], '');
      await space.asRoot('POST', `${mount}/undelete/deleted`, { versions: [1] });
      assert.equal((await read('deleted')).status, 200);
    });

    test('what was destroyed does not come back', async () => {
      await write('destroyed', 'x');
      await space.asRoot('POST', `${mount}/destroy/destroyed`, { versions: [1] });
      await space.asRoot('POST', `${mount}/undelete/destroyed`, { versions: [1] });
      const gone = await read('destroyed');
      assert.equal(gone.status, 404);
      assert.equal(metadataOf(gone.body.data)['destroyed'], true);
    });

    test('a write without data is refused', async () => {
      const answer = await space.asRoot('POST', `${mount}/data/bare`, { token: 'x' });
      assert.equal(answer.status, 400);
      assert.match(answer.errors, /no data provided/);
    });

    test('names are listed a level at a time', async () => {
      await write('tree/a', 'x');
      await write('tree/b/c', 'x');
      const { body } = await space.asRoot('GET', `${mount}/metadata/tree/?list=true`);
      assert.deepEqual(body.data, { keys: ['a', 'b/'] });
      const none = await space.asRoot('GET', `${mount}/metadata/none/?list=true`);
      assert.equal(none.status, 404);
    });

    test('metadata tells versions and notes of one’s own, and its deletion takes everything', async () => {
      await write('noted', 'x');
      await space.asRoot('POST', `${mount}/metadata/noted`, { custom_metadata: { owner: 'ops' } });
      const { body } = await space.asRoot('GET', `${mount}/metadata/noted`);
      assert.equal(body.data?.['current_version'], 1);
      assert.deepEqual(body.data['custom_metadata'], { owner: 'ops' });
      await space.asRoot('DELETE', `${mount}/metadata/noted`);
      assert.deepEqual((await read('noted')).body, { errors: [] });
    });

    test('a new secret needs the capability create, an old one update', async () => {
      const creator = await space.token([
        await space.policy({ [`${mount}/data/new`]: ['create'] }),
      ]);
      const updater = await space.token([
        await space.policy({ [`${mount}/data/new`]: ['update'] }),
      ]);
      const body = { data: { token: 'x' } };
      const attempt = (token: string) => space.call(token, 'POST', `${mount}/data/new`, body);
      assert.equal((await attempt(updater.token)).status, 403);
      assert.equal((await attempt(creator.token)).status, 200);
      assert.equal((await attempt(creator.token)).status, 403);
      assert.equal((await attempt(updater.token)).status, 200);
    });
  });
}

function metadataOf(data: Record<string, unknown> | null | undefined): Record<string, unknown> {
  const metadata = data?.['metadata'];
  assert.ok(typeof metadata === 'object' && metadata !== null);
  return { ...metadata };
}
