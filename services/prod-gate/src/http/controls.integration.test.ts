import assert from 'node:assert/strict';
import { test } from 'node:test';
import { recorder } from '../adapters/postgres/ledger-store.ts';
import { type Ceremony, enrol } from './ceremonies.fixture.ts';
import { target } from './gate-web-world.fixture.ts';
import {
  gate,
  databases,
  clock,
  promotionId,
  useGateWeb,
  sequence,
  signedIn,
  json,
} from './gate-web.fixture.ts';

useGateWeb();

test('a freeze placed on the page of controls is what the promotion waits for, and who may not stop is told why', async () => {
  const leo = await signedIn('leo');
  const devi = await signedIn('devi');
  const except = 'prm_0000000001, prm_0000000002';
  const form = { kind: 'freeze', target, hours: '', except, reason: 'checkout <is> down' };
  assert.equal((await leo.submit('/controls', { ...form, except: 'that one' })).status, 400);
  assert.equal((await devi.submit('/controls', form)).status, 403);
  assert.equal((await leo.submit('/controls', form)).status, 303);
  const view = json(await leo.get(`/api/v1/promotions/${promotionId}`));
  assert.ok((view['verdict'] as { codes: string[] }).codes.includes('E_STOPPED'));
  const page = (await leo.get('/controls')).body;
  assert.match(page, /checkout &lt;is> down|checkout &lt;is&gt; down/);
  assert.match(page, /Start again: 0 of 2 signed/);
  // The ledger outlives the tests' tables: it is lifted, so that the next one finds nothing stopped.
  const { stops } = json(await leo.get('/api/v1/stops')) as {
    stops: { id: string; except: string[] }[];
  };
  const [placed] = stops;
  assert.ok(placed);
  assert.deepEqual(placed.except, ['prm_0000000001', 'prm_0000000002']);
  await sequence();
  const path = `/api/v1/stops/${placed.id}/lift`;
  for (const id of ['leo', 'mira']) {
    const visitor = await signedIn(id);
    const passkey = await enrol(visitor);
    const { options, nonce } = json(
      await visitor.post(`${path}/options`, {}),
    ) as unknown as Ceremony;
    const answer = await visitor.post(path, {
      ...{ nonce, note: '', answer: passkey.assert(options.challenge) },
    });
    assert.equal(answer.status, 201, answer.body);
    assert.deepEqual(json(answer), { have: id === 'leo' ? 1 : 2, need: 2 });
  }
  await databases.authority.transaction(async (tx) => {
    const proofs = await gate.asOwner('select id, digest from stop');
    for (const { id, digest } of proofs) {
      await recorder.record(tx, {
        ...{ type: 'stop.lifted', at: clock, actor: 'authority', subjectDigest: String(digest) },
        refs: { stop: String(id), people: 'leo mira' },
      });
    }
  });
  await sequence();
  const after = json(await leo.get(`/api/v1/promotions/${promotionId}`));
  assert.ok(!(after['verdict'] as { codes: string[] }).codes.includes('E_STOPPED'));
});

test('the blast radius of a commit lists the promotion, and one by anybody else nothing', async () => {
  const mira = await signedIn('mira');
  const { commit } = json(await mira.get(`/api/v1/promotions/${promotionId}`));
  const path = (matter: string) =>
    `/api/v1/blast-radius?matter=${encodeURIComponent(matter)}&since=30d`;
  const answer = json(await mira.get(path(`commit:${String(commit)}`)));
  const touched = answer['touched'] as { promotion: string; advice: string; live: boolean }[];
  assert.deepEqual(
    touched.map(({ promotion, advice, live }) => ({ promotion, advice, live })),
    [{ promotion: promotionId, advice: 'quarantine', live: false }],
  );
  assert.deepEqual(json(await mira.get(path('key:nobody')))['touched'], []);
  const malformed = await mira.get(path('commit:4f0a'));
  assert.equal(malformed.status, 400);
  assert.match(malformed.body, /full id of a commit, 40 hexadecimal digits/);
  const page = await mira.get(`/blast-radius?kind=commit&value=${String(commit)}&since=&until=`);
  assert.match(page.body, /it is the release of this commit/);
  assert.match(page.body, /Not live, and on its way/);
  assert.match((await mira.get('/blast-radius')).body, /What turned out to be bad\?/);
});
