import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { enrol, approvedBy } from './ceremonies.fixture.ts';
import { delivered } from './delivered.fixture.ts';
import { good, now, target } from './gate-web-world.fixture.ts';
import {
  gate,
  promotionId,
  useGateWeb,
  sequence,
  setClock,
  signedIn,
  json,
} from './gate-web.fixture.ts';

useGateWeb();

test('each check has a page of its own, for who is signed in, and an unknown one is named as that', async () => {
  const { visitor } = await approvedBy('leo');
  const page = await visitor.get(`/promotions/${promotionId}/checks/approvals`);
  assert.equal(page.status, 200, page.body);
  assert.match(page.body, /1 of 2 approvals are there; .*Mira can give the missing one/);
  assert.match(page.body, /E_APPROVALS_MISSING/);
  assert.match(page.body, /2 of release manager/);
  const unknown = await visitor.get(`/promotions/${promotionId}/checks/luck`);
  assert.equal(unknown.status, 404);
  assert.match(unknown.body, /Checks are approvals, signature, main/);
  assert.equal((await visitor.get('/promotions/prm_0123456789/checks/main')).status, 404);
});

test('a target says who may what, and who together could change production', async () => {
  const visitor = await signedIn('mira');
  const page = await visitor.get(`/targets/${target}/access`);
  assert.equal(page.status, 200, page.body);
  assert.match(page.body, /Approve as release manager: 2 of 4/);
  assert.match(page.body, /any 2 of Dana, Rita, Leo, Mira/);
  const access = json(await visitor.get(`/api/v1/targets/${target}/access`));
  const ways = access['ways'] as { id: string; smallest: number }[];
  assert.equal(ways.find(({ id }) => id === 'within-rules')?.smallest, 2);
  assert.equal(ways.find(({ id }) => id === 'configuration')?.smallest, 2);
  assert.equal((await visitor.get('/targets/prod-mars/access')).status, 404);
});

test('whose word counts is one page: keys, who signs the files, repositories and outboxes, each as it stands now', async () => {
  const visitor = await signedIn('leo');
  const standings = async () =>
    (json(await visitor.get('/api/v1/trust'))['keys'] as { keyid: string; standing: string }[]).map(
      ({ keyid, standing }) => ({ keyid, standing }),
    );
  const keys = good.trust.map(({ keyid }) => keyid);
  assert.deepEqual(
    await standings(),
    keys.map((keyid) => ({ keyid, standing: 'counts' })),
  );
  const [first = ''] = keys;
  const reason = 'its host was stolen';
  const placed = await visitor.post('/api/v1/stops', {
    ...{ kind: 'distrust-signer', targets: [], matter: `key:${first}`, reason },
  });
  assert.equal(placed.status, 201, placed.body);
  await sequence();
  assert.equal((await standings()).find(({ keyid }) => keyid === first)?.standing, 'distrusted');
  setClock(new Date('2090-01-01'));
  assert.ok((await standings()).every(({ standing }) => ['distrusted', 'over'].includes(standing)));
  setClock(now);
  const { body } = await visitor.get('/trust');
  assert.match(body, /2 of these 2 keys sign the gate’s files together, of at least 2 domains/);
  assert.match(body, /https:\/\/git\.example.*for prod-eu/s);
  assert.match(body, /\(10 commits\)/);
  assert.match(body, /nonprod<.*all 1</s);
  assert.match(body, /prod-gate\/watchdog<.*the ledger key.*read a credential, deliver, approve/s);
  const { processes } = json(await visitor.get('/api/v1/trust')) as { processes: object[] };
  assert.ok(processes.some((each) => 'name' in each && each.name === 'runner/agent'));
});

test('a hook has a page: what lies here, who pins it, what it says of itself and what it last did', async () => {
  const visitor = await signedIn('leo');
  const delivery = await delivered();
  const hook = json(await visitor.get('/api/v1/hooks/load-release'));
  assert.deepEqual(hook['pins'], [
    { target, use: 'delivers', digest: 'a'.repeat(64), isHere: false },
  ]);
  const { manifest } = hook['registered'] as { manifest: { kind: string } };
  assert.equal(manifest.kind, 'idempotent');
  const [run] = hook['runs'] as { delivery: { id: string }; digest: string }[];
  assert.deepEqual([run?.delivery.id, run?.digest], [delivery, 'a'.repeat(64)]);
  const { body } = await visitor.get('/hooks/load-release');
  assert.match(body, /What lies here is not what is pinned/);
  assert.match(body, /it is run once more/);
  assert.match((await visitor.get(`/targets/${target}`)).body, /href="\/hooks\/load-release"/);
  for (const name of ['no-such-hook', '..', '%2e%2e%2fload-release', 'a'.repeat(65)]) {
    assert.equal((await visitor.get(`/api/v1/hooks/${name}`)).status, 404, name);
  }
});

test('whoever the roster names turns mail off and on, and sees what did not arrive and why', async () => {
  await gate.asOwner(
    `insert into notification (id, thread, type, title, lines, path, occurred_at)
     values ('told', 'told', 'promotion.waits', 'r1 <b>waits</b>', '{}', '/queue', now())`,
  );
  await gate.asOwner(
    `insert into dispatch (notification_id, channel, recipient, person, state, tries, error, settled_at)
     values ('told', 'mail', 'leo@example.com', 'leo', 'dead', 8, 'smtp.example.com: no such user', now())`,
  );
  const leo = await signedIn('leo');
  const { body } = await leo.get('/me/notifications');
  assert.match(body, /r1 &lt;b>waits&lt;\/b>/);
  assert.match(body, /8 attempts: smtp\.example\.com: no such user/);
  const choice = () => gate.asOwner("select mail from notification_choice where person = 'leo'");
  assert.equal((await leo.submit('/me/notifications', {})).status, 303);
  assert.deepEqual(await choice(), [{ mail: false }]);
  assert.equal((await leo.submit('/me/notifications', { mail: 'on' })).status, 303);
  assert.deepEqual(await choice(), [{ mail: true }]);
});

describe('every page', () => {
  const pages = async (): Promise<string[]> => {
    const delivery = await delivered();
    return [
      ...['/queue', '/targets', `/targets/${target}`, '/ledger', '/leases', '/me', '/trust'],
      ...['/ledger/0', '/hooks/load-release'],
      ...['/me/notifications', `/promotions/${promotionId}`, `/deliveries/${delivery}`],
    ];
  };

  test('is plain text to whoever wrote commits and logs, and styled by the style sheet alone', async () => {
    await approvedBy('leo');
    const leo = await signedIn('leo');
    const before = [
      (await leo.get('/queue')).body,
      (await leo.get(`/promotions/${promotionId}`)).body,
    ];
    const bodies = [...before];
    for (const path of await pages()) {
      const answer = await leo.get(path);
      assert.equal(answer.status, 200, path);
      bodies.push(answer.body);
    }
    for (const body of bodies) {
      assert.doesNotMatch(body, /<b>VAT|alert\(1\)<\/script>|\u202e|style=|\bblocked\b/i);
      assert.equal(body.match(/<h1/g)?.length, 1);
    }
    assert.match(before[1] ?? '', /&lt;b>VAT&lt;\/b> per ⟨U\+202E⟩line/);
  });

  test('shows the decision to whom it is open, and a sentence to everybody else', async () => {
    const body = async (who: string): Promise<string> =>
      (await (await signedIn(who)).get(`/promotions/${promotionId}`)).body;
    assert.match(await body('leo'), /You have no passkey here/);
    assert.match(await body('dana'), /You asked for this; somebody else decides: Leo or Mira/);
    assert.match(await body('rita'), /You wrote [0-9a-f]{8}; somebody else decides: Leo or Mira/);
    assert.match(await body('devi'), /takes the role release manager. Who decides: Leo or Mira/);
    await enrol(await signedIn('leo'));
    const open = await body('leo');
    assert.match(open, /Approve with passkey/);
    const view = json(await (await signedIn('leo')).get(`/api/v1/promotions/${promotionId}`));
    assert.ok(open.includes(`digest   ${String(view['promotionDigest'])}`));
    assert.doesNotMatch(await body('rita'), /Approve with passkey/);
  });

  test('of the queue sorts by who has to move', async () => {
    const sections = async (who: string) => {
      const queue = json(await (await signedIn(who)).get('/api/v1/queue'));
      return ['needsYou', 'inProgress', 'waitingForOthers'].map(
        (name) => (queue[name] as unknown[]).length,
      );
    };
    assert.deepEqual(await sections('leo'), [1, 0, 0]);
    assert.deepEqual(await sections('devi'), [0, 0, 1]);
    await approvedBy('leo');
    assert.deepEqual(await sections('leo'), [0, 0, 1]);
  });

  test('of the queue answers target and words alike as page and as JSON, and says how to see all again', async () => {
    const leo = await signedIn('leo');
    const found = async (query: string): Promise<[number, boolean]> => [
      (json(await leo.get(`/api/v1/queue?${query}`))['needsYou'] as unknown[]).length,
      (await leo.get(`/queue?${query}`)).body.includes(`href="/promotions/${promotionId}"`),
    ];
    assert.deepEqual(await found(`target=${target}&q=${promotionId}`), [1, true]);
    assert.deepEqual(await found('target=elsewhere&q='), [0, false]);
    assert.deepEqual(await found(`target=${target}&q=nowhere+said`), [0, false]);
    const { body } = await leo.get('/queue?q=nowhere+said');
    assert.match(body, /<a href="\/queue">Show the whole queue<\/a>/);
    assert.match(body, /<title>\(1\) Queue/);
    for (const query of ['taget=prod-eu', 'q=a&q=b', `q=${'a'.repeat(201)}`]) {
      assert.equal((await leo.get(`/queue?${query}`)).status, 400, query);
      assert.equal((await leo.get(`/api/v1/queue?${query}`)).status, 400, query);
    }
  });

  test('for somebody who is in no roster is one refusal and no way round in a circle', async () => {
    const answer = await (await signedIn('stranger')).get('/queue');
    assert.equal(answer.status, 403);
  });
});

test('credentials are shown by path and times, never by lease or accessor', async () => {
  const delivery = await delivered();
  const mira = await signedIn('mira');
  for (const path of [`/api/v1/deliveries/${delivery}`, '/api/v1/leases', '/leases']) {
    const { body, status } = await mira.get(path);
    assert.equal(status, 200);
    assert.doesNotMatch(body, /accessor|creds\/loader\/x/);
  }
  const { leases } = json(await mira.get('/api/v1/leases')) as {
    leases: { livedSeconds: number; credentials: { goneAt: string | null }[] }[];
  };
  assert.deepEqual(
    leases.map(({ livedSeconds, credentials }) => ({
      livedSeconds,
      gone: credentials.map(({ goneAt }) => goneAt !== null),
    })),
    [{ livedSeconds: 7, gone: [true] }],
  );
});
