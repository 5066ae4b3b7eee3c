/** Adding a passkey takes more than a session, and adding many hides none. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { afterEach, describe, test } from 'node:test';
import { createSoftwarePasskey, type SoftwarePasskey } from '@airlock/cli/software-passkey';
import { createSoftwareSecurityKey } from '@airlock/cli/software-security-key';
import type { AssertionOverrides } from '@airlock/cli/software-passkey';
import type { BrowserAnswer } from '@airlock/testkit/browser';
import { enrol, enrolling, enrolmentPath } from './ceremonies.fixture.ts';
import {
  gate,
  json,
  origin,
  refused,
  sequence,
  setClock,
  signedIn,
  useGateWeb,
  type Visitor,
} from './gate-web.fixture.ts';
import { files, now } from './gate-web-world.fixture.ts';

useGateWeb();

const path = '/api/v1/me/passkeys';
const day = 24 * 3_600_000;
const { roster } = files;

/** The roster as it is, with these enrolments of leo's in it. */
function list(passkeys: readonly string[]): void {
  const people = roster.roster.people.map((person) =>
    person.id === 'leo' ? { ...person, passkeys: [...passkeys] } : person,
  );
  Object.assign(files, { roster: { ...roster, roster: { ...roster.roster, people } } });
}
afterEach(() => {
  Object.assign(files, { roster });
});

const digestOf = async ({ credentialId }: SoftwarePasskey): Promise<string> => {
  const [row] = await gate.asOwner(
    `select enrolment_digest from passkey where credential_id = '${credentialId}'`,
  );
  return String(row?.['enrolment_digest']);
};

/** leo with a passkey that the roster lists and whose day is over. */
async function inForce(): Promise<{ leo: Visitor; passkey: SoftwarePasskey }> {
  const leo = await signedIn('leo');
  const passkey = await enrol(leo);
  list([await digestOf(passkey)]);
  setClock(new Date(now.getTime() + 2 * day));
  return { leo, passkey };
}

type Registration = { challenge: string; answer: unknown };

async function register(leo: Visitor): Promise<{ next: SoftwarePasskey; given: Registration }> {
  const { challenge } = json(await leo.post(`${path}/options`, {})) as { challenge: string };
  const next = createSoftwarePasskey({ rpId: 'gate.localhost', origin });
  return { next, given: { challenge, answer: next.register(challenge) } };
}

async function vouch(
  leo: Visitor,
  given: Registration,
  by: SoftwarePasskey,
  overrides: AssertionOverrides = {},
) {
  const begun = await leo.post(`${path}/vouch`, given);
  assert.equal(begun.status, 200, begun.body);
  const { options, nonce } = json(begun) as { options: { challenge: string }; nonce: string };
  return { nonce, answer: by.assert(options.challenge, overrides) };
}

const add = (leo: Visitor, given: Registration, vouched?: unknown): Promise<BrowserAnswer> =>
  leo.post(path, { ...given, label: 'next', ...(vouched === undefined ? {} : { vouch: vouched }) });

describe('whoever has a passkey in force adds another', () => {
  test('with its signature over that very key, which is kept and named in the ledger', async () => {
    const { leo, passkey } = await inForce();
    const { next, given } = await register(leo);
    const done = await add(leo, given, await vouch(leo, given, passkey));
    assert.equal(done.status, 201, done.body);
    await sequence();
    const [kept] = await gate.asOwner(
      "select subject_id, statement, credential_id from co_signature where kind = 'vouch' order by signed_at desc limit 1",
    );
    const digest = await digestOf(next);
    assert.equal(kept?.['subject_id'], digest);
    assert.equal(kept['credential_id'], passkey.credentialId);
    const sha = (data: string | Buffer): string => createHash('sha256').update(data).digest('hex');
    const [row] = await gate.asOwner(
      "select convert_from(body, 'UTF8')::jsonb as body from ledger_entry where type = 'passkey.enrolled' order by idx desc limit 1",
    );
    const { subjectDigest, refs } = row?.['body'] as Record<string, unknown>;
    assert.equal(subjectDigest, digest);
    // A bytea column.
    const statement = sha(kept['statement'] as Buffer);
    assert.deepEqual(refs, {
      person: 'leo',
      vouch: statement,
      vouchedBy: sha(passkey.credentialId),
    });
  });

  test('not with a session alone', async () => {
    const { leo } = await inForce();
    assert.equal(json(await leo.post(`${path}/options`, {}))['needsVouch'], true);
    const { next, given } = await register(leo);
    refused(await add(leo, given), 403, 'vouch-missing', /sign with it/);
    assert.equal(await digestOf(next), 'undefined');
  });

  test('not with a signature for another key, nor with the same one twice', async () => {
    const { leo, passkey } = await inForce();
    const [one, other] = [await register(leo), await register(leo)];
    const forOne = await vouch(leo, one.given, passkey);
    refused(await add(leo, other.given, forOne), 409, 'ceremony-expired', /something else/);
    assert.equal((await add(leo, one.given, forOne)).status, 201);
    refused(await add(leo, other.given, forOne), 409, 'ceremony-expired', /used before/);
  });

  test('not with one that waits, is new itself or is somebody else’s', async () => {
    const { leo, passkey } = await inForce();
    const waiting = await register(leo);
    assert.equal(
      (await add(leo, waiting.given, await vouch(leo, waiting.given, passkey))).status,
      201,
    );
    await sequence();
    const stranger = await enrol(await signedIn('mira'));
    const { next, given } = await register(leo);
    for (const by of [waiting.next, next, stranger]) {
      refused(await add(leo, given, await vouch(leo, given, by)), 403, 'vouch-missing', /in force/);
    }
  });

  test('not with one whose counter went back, as a copy’s does', async () => {
    const { leo, passkey } = await inForce();
    const { given } = await register(leo);
    const copied = await vouch(leo, given, passkey, { counter: 1 });
    refused(await add(leo, given, copied), 403, 'passkey-refused', /E_WEBAUTHN_COUNTER/);
  });

  test('and a security key of OpenSSH in the same way', async () => {
    const { leo, passkey } = await inForce();
    const key = createSoftwareSecurityKey();
    refused(await enrolling(leo, key), 403, 'vouch-missing', /sign with it/);
    const page = await leo.submit('/me/security-key', {});
    assert.match(page.body, /data-passkey="enrol-key"/);
    const begun = json(await leo.post(`${enrolmentPath}/options`, {})) as {
      challenge: string;
      text: string;
    };
    const ceremony = json(
      await leo.post(`${enrolmentPath}/vouch`, { publicKey: key.publicKey }),
    ) as { options: { challenge: string }; nonce: string };
    const message = Buffer.from(begun.text);
    const done = await leo.post(enrolmentPath, {
      ...{ challenge: begun.challenge, label: 'ring', publicKey: key.publicKey },
      signature: key.sign({ namespace: 'airlock-enrolment@v1', message }),
      vouch: { nonce: ceremony.nonce, answer: passkey.assert(ceremony.options.challenge) },
    });
    assert.equal(done.status, 201, done.body);
  });
});

test('whoever lost the only one withdraws it and adds another, which waits for the roster', async () => {
  const { leo, passkey } = await inForce();
  const { credentialId } = passkey;
  assert.equal((await leo.post('/api/v1/passkeys/withdrawal', { credentialId })).status, 201);
  await sequence();
  const { next, given } = await register(leo);
  assert.equal((await add(leo, given)).status, 201);
  await sequence();
  const { passkeys } = json(await leo.get('/api/v1/passkeys')) as unknown as {
    passkeys: { credentialId: string; state: string; countsFrom: string; enrolment: string }[];
  };
  const shown = passkeys.find((each) => each.credentialId === next.credentialId);
  assert.equal(shown?.state, 'first-day');
  assert.equal(shown.countsFrom, new Date(now.getTime() + 3 * day).toISOString());
  assert.match((await leo.get('/passkeys')).body, /when it is in the roster by then/);
});

test('five of one person wait at most, and all of them stand before those in force', async () => {
  const { leo, passkey } = await inForce();
  const waiting: string[] = [];
  for (let count = 0; count < 5; count += 1) {
    setClock(new Date(now.getTime() + 2 * day + count * 1_000));
    const { next, given } = await register(leo);
    const done = await add(leo, given, await vouch(leo, given, passkey));
    assert.equal(done.status, 201, done.body);
    waiting.push(next.credentialId);
  }
  await sequence();
  const full = /5 passkeys of yours wait.*Withdraw one/;
  refused(await leo.post(`${path}/options`, {}), 409, 'passkeys-full', full);
  refused(await leo.post(`${enrolmentPath}/options`, {}), 409, 'passkeys-full', full);
  const { passkeys } = json(await leo.get('/api/v1/passkeys')) as unknown as {
    passkeys: { credentialId: string }[];
  };
  assert.deepEqual(
    passkeys.map(({ credentialId }) => credentialId),
    [...waiting, passkey.credentialId],
  );
  const none = await leo.get('/api/v1/passkeys?page=0');
  assert.equal(none.status, 400);
  assert.match(none.body, /such as 2/);
});
