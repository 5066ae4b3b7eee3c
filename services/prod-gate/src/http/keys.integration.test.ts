import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createSoftwarePasskey, type SoftwarePasskey } from '@airlock/cli/software-passkey';
import {
  createSoftwareSecurityKey,
  type SecurityKeySignature,
} from '@airlock/cli/software-security-key';
import type { BrowserAnswer } from '@airlock/testkit/browser';
import { sha } from '../app/vectors.fixture.ts';
import {
  enrol,
  decisions,
  begin,
  approvedBy,
  have,
  decideBySsh,
  enrolling,
  holder,
  approveBySsh,
} from './ceremonies.fixture.ts';
import {
  gate,
  origin,
  promotionId,
  useGateWeb,
  sequence,
  type Visitor,
  signedIn,
  json,
  refused,
  setClock,
} from './gate-web.fixture.ts';
import { now } from './gate-web-world.fixture.ts';

useGateWeb();

describe('a passkey is not enrolled', () => {
  async function attempt(
    passkey: SoftwarePasskey,
    challenge?: string,
  ): Promise<{ visitor: Visitor; answer: BrowserAnswer }> {
    const visitor = await signedIn('leo');
    const begun = json(await visitor.post('/api/v1/me/passkeys/options', {})) as {
      challenge: string;
    };
    const answer = await visitor.post('/api/v1/me/passkeys', {
      challenge: begun.challenge,
      label: 'a key',
      answer: passkey.register(challenge ?? begun.challenge),
    });
    return { visitor, answer };
  }

  test('from another origin, though it is of this host', async () => {
    const other = createSoftwarePasskey({
      rpId: 'gate.localhost',
      origin: 'http://gate.localhost',
    });
    refused((await attempt(other)).answer, 403, 'passkey-refused', /origin/);
  });

  test('for another relying party', async () => {
    const other = createSoftwarePasskey({ rpId: 'localhost', origin });
    refused((await attempt(other)).answer, 403, 'passkey-refused', /RP ID/i);
  });

  test('over another challenge', async () => {
    const own = createSoftwarePasskey({ rpId: 'gate.localhost', origin });
    refused((await attempt(own, 'another')).answer, 403, 'passkey-refused', /challenge/);
  });

  test('twice', async () => {
    const own = createSoftwarePasskey({ rpId: 'gate.localhost', origin });
    assert.equal((await attempt(own)).answer.status, 201);
    refused((await attempt(own)).answer, 403, 'passkey-refused', /enrolled already/);
  });
});

describe('a security key of OpenSSH', () => {
  test('approves what a passkey approves, counts as the one vote of its person, and is kept verbatim', async () => {
    const { visitor: leo, key } = await holder('leo');
    const { nonce, statement } = await begin(leo);
    const message = Buffer.from(statement);
    const signature = key.sign({ namespace: 'airlock-approval@v1', message });
    const answer = await leo.post(decideBySsh(), { nonce, note: '', signature });
    assert.equal(answer.status, 201, answer.body);
    assert.equal(await have(), 1);
    const [row] = await gate.asOwner(
      "select convert_from(statement, 'UTF8') as statement, signature from approval",
    );
    assert.deepEqual(row, { statement, signature });
    const passkey = await enrol(leo);
    const again = await leo.post(`${decisions()}/options`, {});
    refused(again, 409, 'already-decided', /You decided/);
    assert.ok(passkey.credentialId !== '');
  });

  test('with a passkey of another person is enough', async () => {
    const { visitor, key } = await holder('leo');
    assert.equal((await approveBySsh(visitor, key)).status, 201);
    const { visitor: mira } = await approvedBy('mira');
    const view = json(await mira.get(`/api/v1/promotions/${promotionId}`));
    assert.deepEqual((view['verdict'] as { codes: string[] }).codes, []);
  });

  test('is refused without touch, without PIN, for another purpose and when it does not count on', async () => {
    const { visitor, key } = await holder('leo');
    const attempts: [Partial<SecurityKeySignature>, RegExp][] = [
      [{ flags: 0x04 }, /E_WEBAUTHN_UP/],
      [{ flags: 0x01 }, /E_WEBAUTHN_UV/],
      [{ namespace: 'git' }, /E_SSH_SIGNATURE/],
      [{ counter: 1 }, /E_WEBAUTHN_COUNTER/],
      [{ message: Buffer.from('something else') }, /E_WEBAUTHN_SIG/],
    ];
    for (const [changes, words] of attempts) {
      refused(await approveBySsh(visitor, key, changes), 403, 'passkey-refused', words);
    }
    assert.equal(await have(), 0);
  });

  test('of somebody else, or of nobody, approves nothing', async () => {
    const { key } = await holder('leo');
    const { visitor: mira } = await holder('mira');
    refused(await approveBySsh(mira, key), 403, 'passkey-unknown', /not one of yours/);
    const stranger = createSoftwareSecurityKey();
    refused(await approveBySsh(mira, stranger), 403, 'passkey-unknown', /not one of yours/);
    const { nonce } = await begin(mira);
    const body = { nonce, note: '', signature: 'no armour' };
    refused(
      await mira.post(decideBySsh(), body),
      403,
      'passkey-refused',
      /no signature of ssh-key/,
    );
  });

  test('is not enrolled when it lies in a file, is not held, or asks for nothing', async () => {
    const leo = await signedIn('leo');
    const key = createSoftwareSecurityKey();
    const inFile = `ssh-ed25519 ${Buffer.from('key').toString('base64')}`;
    const file = await enrolling(leo, key, { publicKey: inFile });
    refused(file, 403, 'passkey-refused', /whoever reads a key file could approve/);
    const other = await enrolling(leo, key, { publicKey: createSoftwareSecurityKey().publicKey });
    refused(other, 403, 'passkey-refused', /signed by another key/);
    refused(await enrolling(leo, key, { flags: 1 }), 403, 'passkey-refused', /verify-required/);
    const old = await enrolling(leo, key, { message: Buffer.from('another challenge') });
    refused(old, 403, 'passkey-refused', /does not verify/);
    const kept = await gate.asOwner('select 1 from passkey');
    assert.deepEqual(kept, []);
  });

  test('is enrolled and approves over the pages too, by copying to and from a terminal', async () => {
    const leo = await signedIn('leo');
    const key = createSoftwareSecurityKey('ecdsa');
    const hidden = (page: BrowserAnswer, name: string): string =>
      new RegExp(`name="${name}" value="([^"]+)"`).exec(page.body)?.[1] ?? '';
    const toSign = (page: BrowserAnswer): Buffer =>
      Buffer.from(/echo ([A-Za-z0-9+/=]+) \|/.exec(page.body)?.[1] ?? '', 'base64');
    const crlf = (text: string): string => text.replaceAll('\n', '\r\n');
    const enrolPage = await leo.submit('/me/security-key', {});
    const namespace = 'airlock-enrolment@v1';
    const enrolled = await leo.submit('/me/security-keys', {
      challenge: hidden(enrolPage, 'challenge'),
      label: 'ring',
      publicKey: key.publicKey,
      signature: crlf(key.sign({ namespace, message: toSign(enrolPage) })),
    });
    assert.equal(enrolled.status, 303, enrolled.body);
    await sequence();
    const page = await leo.submit(`/promotions/${promotionId}/ssh`, {});
    assert.equal(page.status, 200, page.body);
    const approved = await leo.submit(`/promotions/${promotionId}/ssh/approve`, {
      nonce: hidden(page, 'nonce'),
      note: '',
      signature: crlf(key.sign({ namespace: 'airlock-approval@v1', message: toSign(page) })),
    });
    assert.equal(approved.status, 303, approved.body);
    assert.equal(await have(), 1);
  });

  test('signs the digest of the document that is served', async () => {
    const { visitor } = await holder('leo');
    const { promotionDigest } = await begin(visitor);
    const document = await visitor.bytes(`/promotions/${promotionId}/document.json`);
    assert.equal(sha(document), promotionDigest);
  });
});

describe('a passkey is withdrawn', () => {
  const withdraw = (visitor: Visitor, { credentialId }: SoftwarePasskey): Promise<BrowserAnswer> =>
    visitor.post('/api/v1/passkeys/withdrawal', { credentialId });
  const day = 24 * 3_600_000;

  test('by its person at any time, and approves nothing from then on', async () => {
    const { visitor: leo, passkey } = await approvedBy('leo');
    const old = await enrol(leo);
    assert.equal(await have(), 1);
    assert.equal((await withdraw(leo, passkey)).status, 201);
    await sequence();
    assert.equal(await have(), 0);
    refused(await withdraw(leo, passkey), 403, 'passkey-unknown', /none any more/);
    setClock(new Date(now.getTime() + 30 * day));
    assert.equal((await withdraw(leo, old)).status, 201);
    await sequence();
    const { passkeys } = json(await leo.get('/api/v1/passkeys')) as unknown as {
      passkeys: { withdrawnAt: string | null; state: string }[];
    };
    assert.deepEqual(
      passkeys.map(({ state }) => state),
      ['withdrawn', 'withdrawn'],
    );
    assert.deepEqual(
      passkeys.map(({ withdrawnAt }) => withdrawnAt).sort(),
      [now, new Date(now.getTime() + 30 * day)].map((at) => at.toISOString()),
    );
  });

  test('by anybody else who decides in its first day, and no longer; by a developer never', async () => {
    const leo = await signedIn('leo');
    await enrol(leo);
    const [second, third] = [await enrol(leo), await enrol(leo)];
    const mira = await signedIn('mira');
    const page = await mira.get('/passkeys');
    assert.equal(page.status, 200);
    assert.match(page.body, new RegExp(`value="${second.credentialId}"`));
    refused(await withdraw(await signedIn('devi'), second), 403, 'role-missing', /decide/);
    const form = await mira.submit('/passkeys/withdrawal', { credentialId: second.credentialId });
    assert.equal(form.status, 303, form.body);
    setClock(new Date(now.getTime() + day));
    refused(await withdraw(mira, third), 409, 'passkey-counts', /only leo withdraws it/);
    assert.doesNotMatch((await mira.get('/passkeys')).body, /withdrawal/);
    await sequence();
    const rows = await gate.asOwner(
      "select convert_from(body, 'UTF8') as body from ledger_entry where type = 'passkey.withdrawn' order by idx",
    );
    assert.match(String(rows.at(-1)?.['body']), /"actor":"person:mira".*"person":"leo"/);
  });
});
