import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';
import { canonicalJson } from '@airlock/common/encoding/canonical-json';
import { parsePromotionDocument } from '@airlock/common/promotion/document';
import type { SoftwarePasskey } from '@airlock/cli/software-passkey';
import { createBrowser } from '@airlock/testkit/browser';
import { sessionCookie } from '@airlock/web/session';
import {
  type Ceremony,
  enrol,
  decisions,
  begin,
  approve,
  approvedBy,
  have,
} from './ceremonies.fixture.ts';
import { copyPromotion } from './delivered.fixture.ts';
import { now } from './gate-web-world.fixture.ts';
import { createReplacedDocumentStore } from '../adapters/postgres/replaced-document-store.ts';
import {
  databases,
  gate,
  origin,
  promotionId,
  rung,
  setClock,
  useGateWeb,
  type Visitor,
  signedIn,
  json,
  refused,
} from './gate-web.fixture.ts';

useGateWeb();

test('an enrolled passkey approves what the page showed, and the deliverer is rung', async () => {
  const leo = await signedIn('leo');
  const passkey = await enrol(leo);
  const ceremony = await begin(leo);
  const view = json(await leo.get(`/api/v1/promotions/${promotionId}`));
  assert.equal(ceremony.promotionDigest, view['promotionDigest']);
  assert.match(ceremony.statement, new RegExp(ceremony.promotionDigest));
  assert.deepEqual(
    ceremony.options.allowCredentials.map(({ id }) => id),
    [passkey.credentialId],
  );
  const answer = await leo.post(decisions(), {
    nonce: ceremony.nonce,
    note: '',
    answer: passkey.assert(ceremony.options.challenge),
  });
  assert.equal(answer.status, 201, answer.body);
  assert.deepEqual({ ...json(answer), approvalId: null }, { approvalId: null, have: 1, need: 2 });
  assert.deepEqual(rung, [promotionId]);
  assert.equal(await have(), 1);
});

test('two different people are enough, and the verdict says so', async () => {
  await approvedBy('leo');
  const { visitor } = await approvedBy('mira');
  const view = json(await visitor.get(`/api/v1/promotions/${promotionId}`));
  assert.deepEqual((view['verdict'] as { codes: string[] }).codes, []);
});

describe('an approval is refused, by name,', () => {
  let leo: Visitor;
  let passkey: SoftwarePasskey;
  beforeEach(async () => {
    leo = await signedIn('leo');
    passkey = await enrol(leo);
  });

  test('when the passkey signed on another site', async () => {
    const answer = await approve(leo, passkey, { origin: 'https://gate.localhost.evil.example' });
    refused(answer, 403, 'passkey-refused', /E_WEBAUTHN_ORIGIN/);
    assert.equal(await have(), 0);
  });

  test('when nobody gave a PIN or a finger', async () => {
    refused(
      await approve(leo, passkey, { userVerified: false }),
      403,
      'passkey-refused',
      /E_WEBAUTHN_UV/,
    );
  });

  test('when the counter did not grow', async () => {
    refused(
      await approve(leo, passkey, { counter: 1 }),
      403,
      'passkey-refused',
      /E_WEBAUTHN_COUNTER/,
    );
  });

  test('when the ceremony is used a second time', async () => {
    const { options, nonce } = await begin(leo);
    const body = { nonce, note: '', answer: passkey.assert(options.challenge) };
    assert.equal((await leo.post(decisions(), body)).status, 201);
    refused(await leo.post(decisions(), body), 409, 'ceremony-expired', /used before/);
  });

  test('when it took longer than five minutes', async () => {
    const { options, nonce } = await begin(leo);
    setClock(new Date(now.getTime() + 5 * 60_000));
    const body = { nonce, note: '', answer: passkey.assert(options.challenge) };
    refused(await leo.post(decisions(), body), 409, 'ceremony-expired', /five minutes/);
  });

  test('when the statement is of another promotion', async () => {
    const other = await copyPromotion();
    const [here, there] = [await begin(leo), await begin(leo, other)];
    refused(
      await leo.post(decisions(), {
        nonce: there.nonce,
        note: '',
        answer: passkey.assert(there.options.challenge),
      }),
      409,
      'ceremony-expired',
      /something else/,
    );
    refused(
      await leo.post(decisions(), {
        nonce: here.nonce,
        note: '',
        answer: passkey.assert(there.options.challenge),
      }),
      403,
      'passkey-refused',
      /E_WEBAUTHN_CHALLENGE/,
    );
  });

  test('when the ceremony was begun by somebody else', async () => {
    const mira = await signedIn('mira');
    await enrol(mira);
    const { options, nonce } = await begin(mira);
    const body = { nonce, note: '', answer: passkey.assert(options.challenge) };
    refused(await leo.post(decisions(), body), 409, 'ceremony-expired', /something else/);
  });

  test("when the passkey is another person's", async () => {
    const mira = await signedIn('mira');
    await enrol(mira);
    const { options, nonce } = await begin(mira);
    const body = { nonce, note: '', answer: passkey.assert(options.challenge) };
    refused(await mira.post(decisions(), body), 403, 'passkey-unknown', /not one of yours/);
  });

  test('when the passkey was enrolled at another address of the gate', async () => {
    const { options, nonce } = await begin(leo);
    await gate.asOwner(
      "update passkey set origin = 'https://gate.before.example' where person = 'leo'",
    );
    const body = { nonce, note: '', answer: passkey.assert(options.challenge) };
    refused(
      await leo.post(decisions(), body),
      403,
      'passkey-unknown',
      /gate\.before\.example.*add a new one/,
    );
    refused(await leo.post(`${decisions()}/options`, {}), 409, 'passkey-missing', /add one/);
  });

  test('when the same person approved before', async () => {
    const first = await begin(leo);
    const second = await begin(leo);
    const answer = (ceremony: Ceremony) => ({
      nonce: ceremony.nonce,
      note: '',
      answer: passkey.assert(ceremony.options.challenge),
    });
    assert.equal((await leo.post(decisions(), answer(first))).status, 201);
    refused(await leo.post(decisions(), answer(second)), 409, 'already-decided', /You decided/);
    refused(await leo.post(`${decisions()}/options`, {}), 409, 'already-decided', /You decided/);
  });

  test('when the promotion changed after the page was read', async () => {
    const { options, nonce } = await begin(leo);
    await gate.asOwner('update promotion set promotion_digest = $1, version = version + 1', [
      'e'.repeat(64),
    ]);
    const body = { nonce, note: '', answer: passkey.assert(options.challenge) };
    refused(await leo.post(decisions(), body), 412, 'promotion-changed', /reload the page/);
  });

  test('when another document took the place of what was read: before a key is touched and after it, with what differs', async () => {
    const { options, nonce, promotionDigest: shown } = await begin(leo);
    const [row] = await gate.asOwner('select document from promotion');
    const document = row?.['document'] as Buffer;
    const base = { commit: 'b'.repeat(40), release: '2026.11.21-7' };
    const was = parsePromotionDocument(document);
    const is = canonicalJson({ ...was, roster: '1'.repeat(64), base });
    await databases.intake.transaction((tx) =>
      createReplacedDocumentStore(databases.intake).insert(tx, {
        ...{ promotionId, promotionDigest: shown, document, changed: ['base', 'roster'] },
        ...{ replacedBy: 'e'.repeat(64), replacedAt: now },
      }),
    );
    await gate.asOwner('update promotion set document = $1, promotion_digest = $2', [
      ...[is, 'e'.repeat(64)],
    ]);
    const differs =
      /while you were reading: the roster and what is live \(live was nothing and is 2026\.11\.21-7\)\. Nothing was decided; reload/;
    const asked = (digest: string) => leo.post(`${decisions()}/options?shown=${digest}`, {});
    refused(await asked(shown), 412, 'promotion-changed', differs);
    const body = { nonce, note: '', answer: passkey.assert(options.challenge) };
    refused(await leo.post(decisions(), body), 412, 'promotion-changed', differs);
    refused(await asked('d'.repeat(64)), 412, 'promotion-changed', /while you were reading\. Not/);
    assert.equal((await asked('e'.repeat(64))).status, 200);
    assert.equal((await asked('x')).status, 400);
  });

  test('when it has expired', async () => {
    setClock(new Date(now.getTime() + 24 * 3_600_000));
    refused(await leo.post(`${decisions()}/options`, {}), 409, 'E_NOT_WAITING', /expired/);
  });

  test('without the token of the session, or from another site', async () => {
    const { options, nonce } = await begin(leo);
    const body = { nonce, note: '', answer: passkey.assert(options.challenge) };
    const forgeries: Record<string, string>[] = [
      {},
      { 'x-csrf-token': 'forged' },
      { 'x-csrf-token': 'x', 'sec-fetch-site': 'cross-site' },
    ];
    for (const headers of forgeries) {
      const answer = await leo.post(decisions(), body, headers);
      assert.equal(answer.status, 403);
      assert.equal(json(answer)['code'], 'csrf-refused');
    }
    assert.equal(await have(), 0);
  });

  test('when nobody is signed in', async () => {
    const answer = await createBrowser().send(`${origin}${decisions()}/options`, {
      json: {},
      headers: { accept: 'application/json' },
    });
    assert.equal(answer.status, 401);
  });

  test('when a program asks with a token, in a header or in the place of the cookie', async () => {
    const paths = ['/options', '', '/ssh'].map((rest) => `${decisions()}${rest}`);
    for (const path of [...paths, `/api/v1/promotions/${promotionId}/withdrawal`]) {
      for (const headers of [
        { authorization: 'Bearer airlock_token_of_nonprod' },
        { cookie: `${sessionCookie}=airlock_token_of_nonprod` },
      ]) {
        const answer = await createBrowser().send(origin + path, {
          json: {},
          headers: { accept: 'application/json', ...headers },
        });
        assert.equal(answer.status, 401, path);
      }
    }
  });

  test('when the session is a decider’s and nobody has a key at hand', async () => {
    const mira = await signedIn('mira');
    refused(await mira.post(`${decisions()}/options`, {}), 409, 'passkey-missing', /no passkey/);
    const { nonce } = await begin(leo);
    const body = { nonce, note: '', answer: passkey.assert('AAAA') };
    refused(await mira.post(decisions(), body), 409, 'ceremony-expired', /something else/);
  });
});

describe('somebody is told before any ceremony', () => {
  for (const [who, code, words] of [
    ['dana', 'requester-never-counts', /You asked for this/],
    ['rita', 'author-never-counts', /You wrote or committed/],
    ['devi', 'role-missing', /takes the role release-manager/],
    ['leo', 'passkey-missing', /no passkey/],
  ] as const) {
    test(`that they cannot approve: ${code}`, async () => {
      const answer = await (await signedIn(who)).post(`${decisions()}/options`, {});
      refused(answer, who === 'leo' ? 409 : 403, code, words);
    });
  }

  test('that only whoever decides something has passkeys here', async () => {
    const answer = await (await signedIn('devi')).post('/api/v1/me/passkeys/options', {});
    refused(answer, 403, 'role-missing', /release-manager or security or platform/);
    assert.deepEqual(json(answer)['needs'], [{ group: 'release-manager, security, platform' }]);
  });
});
