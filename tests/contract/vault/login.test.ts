import assert from 'node:assert/strict';
import { createHmac, generateKeyPairSync, sign } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { type Fixture, type Signer, createFixture } from './fixture.ts';
import { vaultServers } from './servers.ts';

for (const server of vaultServers()) {
  describe(`login by JWT on ${server.name}`, () => {
    let fixture: Fixture;
    before(async () => {
      fixture = await createFixture(server);
    });
    after(() => fixture.close());

    const logIn = (jwt: string, mount = fixture.a.jwtMount) =>
      fixture.call(null, 'POST', `auth/${mount}/login`, { role: 'deliver', jwt });

    test('a minted JWT becomes an orphan service token that ends with the target’s TTL', async () => {
      const { status, body } = await logIn(fixture.mint(fixture.a));
      assert.equal(status, 200, JSON.stringify(body));
      assert.equal(body.auth?.token_type, 'service');
      assert.equal(body.auth.orphan, true);
      assert.equal(body.auth.lease_duration, fixture.a.ttlSeconds);
      assert.deepEqual(body.auth.policies, [`airlock-target-${fixture.a.target}`]);
    });

    test('the delivery and the digest stand in the token’s metadata, for Vault’s own audit log', async () => {
      const { body } = await logIn(fixture.mint(fixture.a));
      assert.equal(body.auth?.metadata['delivery_id'], 'dlv_0123456789');
      assert.equal(body.auth.metadata['artifact_digest'], 'a'.repeat(64));
    });

    test('a replayed JWT logs in again, which is why a session is clean only after its exp', async () => {
      const jwt = fixture.mint(fixture.a);
      assert.equal((await logIn(jwt)).status, 200);
      assert.equal((await logIn(jwt)).status, 200);
    });

    const hour = 3600;
    const now = Math.floor(Date.now() / 1000);
    const refused: [string, Record<string, unknown>, RegExp][] = [
      ['another subject', { sub: 'target:shop-b' }, /subject/],
      ['another audience', { aud: 'vault-prod/shop-b' }, /audience/],
      ['another issuer', { iss: 'https://elsewhere.example' }, /issuer/],
      ['another target claim', { target: 'shop-b' }, /claim "target" does not match/],
      ['a missing target claim', { target: undefined }, /target/],
      ['another purpose', { purpose: 'test' }, /purpose/],
      ['a pending approval', { approval_state: 'pending' }, /approval_state/],
      ['an exp in the past', { iat: now - 90, nbf: now - 90, exp: now - 30 }, /expired/],
      ['an nbf in the future', { nbf: now + hour, exp: now + 2 * hour }, /not yet valid/],
      ['an iat in the future', { iat: now + hour, exp: now + 2 * hour }, /future/],
      ['no time at all', { iat: undefined, nbf: undefined, exp: undefined }, /iat/],
    ];
    for (const [what, claims, reason] of refused) {
      test(`a JWT with ${what} is refused`, async () => {
        const { status, body } = await logIn(fixture.mint(fixture.a, claims));
        assert.equal(status, 400);
        assert.match(body.errors?.join('\n') ?? '', reason);
      });
    }

    test('the JWT of one target does not log in at the mount of another', async () => {
      const { status } = await logIn(fixture.mint(fixture.a), fixture.b.jwtMount);
      assert.equal(status, 400);
    });

    test('a JWT changed by one character is refused', async () => {
      const [header = '', payload = '', signature = ''] = fixture.mint(fixture.a).split('.');
      const flipped = (signature.startsWith('A') ? 'B' : 'A') + signature.slice(1);
      const { status, body } = await logIn([header, payload, flipped].join('.'));
      assert.equal(status, 400);
      assert.match(body.errors?.join('\n') ?? '', /signature/);
    });

    test('an unsigned JWT is refused', async () => {
      const [, payload = ''] = fixture.mint(fixture.a).split('.');
      const header = Buffer.from('{"alg":"none"}').toString('base64url');
      assert.equal((await logIn(`${header}.${payload}.`)).status, 400);
    });

    const stranger = generateKeyPairSync('ed25519').privateKey;
    const elliptic = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
    const forged: [string, () => Signer][] = [
      [
        'signed by a key that the mount does not know',
        () => ({ algorithm: 'EdDSA', sign: (signed) => sign(null, signed, stranger) }),
      ],
      [
        'signed by an unknown key of another algorithm',
        () => ({
          algorithm: 'ES256',
          sign: (signed) => sign('sha256', signed, { key: elliptic, dsaEncoding: 'ieee-p1363' }),
        }),
      ],
      [
        // Who takes the algorithm from the token alone would check this with the public key as the secret.
        'authenticated by HMAC with the public key for a secret',
        () => ({
          algorithm: 'HS256',
          sign: (signed) => createHmac('sha256', fixture.publicKeyPem).update(signed).digest(),
        }),
      ],
    ];
    for (const [what, signer] of forged) {
      test(`a JWT ${what} is refused`, async () => {
        const { status, body } = await logIn(fixture.mint(fixture.a, {}, signer()));
        assert.equal(status, 400);
        assert.match(body.errors?.join('\n') ?? '', /signature|algorithm/);
      });
    }

    const noText: [string, string][] = [
      ['no JWT at all', ''],
      ['text that is no JWT', 'not.a.jwt'],
      ['two parts of three', 'e30.e30'],
    ];
    for (const [what, jwt] of noText) {
      test(`${what} is refused`, async () => {
        assert.equal((await logIn(jwt)).status, 400);
      });
    }

    test('a target that is a list is refused, because no name can be made of it', async () => {
      const { status, body } = await logIn(fixture.mint(fixture.a, { target: [fixture.a.target] }));
      assert.equal(status, 400);
      assert.match(body.errors?.join('\n') ?? '', /could not be converted to string/);
    });

    test('a role that does not exist is refused', async () => {
      const { status } = await fixture.call(null, 'POST', `auth/${fixture.a.jwtMount}/login`, {
        role: 'nobody',
        jwt: fixture.mint(fixture.a),
      });
      assert.equal(status, 400);
    });

    // Known of Vault and not of us: the authority must mint strictly, because this is let in.
    test('a list claim passes when any entry matches', async () => {
      const jwt = fixture.mint(fixture.a, { approval_state: ['pending', 'satisfied'] });
      assert.equal((await logIn(jwt)).status, 200);
    });

    test('a JWT without an exp is let in when it says when it was issued', async () => {
      assert.equal((await logIn(fixture.mint(fixture.a, { exp: undefined }))).status, 200);
    });

    test('a JWT that ends in ten years is let in; its token lasts as long as every other', async () => {
      const { status, body } = await logIn(fixture.mint(fixture.a, { exp: now + 87_600 * hour }));
      assert.equal(status, 200);
      assert.equal(body.auth?.lease_duration, fixture.a.ttlSeconds);
    });
  });
}
