import assert from 'node:assert/strict';
import { createPublicKey, verify } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { vaultServers } from './servers.ts';
import { type Workspace, openWorkspace } from './workspace.ts';

const base64 = (text: string) => Buffer.from(text).toString('base64');
const here = base64('project:a');
const elsewhere = base64('project:b');

for (const server of vaultServers()) {
  describe(`transit on ${server.name}`, () => {
    let space: Workspace;
    let mount: string;
    before(async () => {
      space = openWorkspace(await server.start());
      mount = (await space.mount('transit')) ?? '';
      await ask('keys/derived', { derived: true });
      await ask('keys/plain', {});
    });
    after(() => space.close());

    const ask = (path: string, body: object) => space.asRoot('POST', `${mount}/${path}`, body);
    const text = (value: unknown) => {
      assert.equal(typeof value, 'string');
      return String(value);
    };
    const sealed = async (context = here) => {
      const { body } = await ask('encrypt/derived', { plaintext: base64('secret'), context });
      return text(body.data?.['ciphertext']);
    };

    test('what was encrypted under a context opens under the same context', async () => {
      const { status, body } = await ask('decrypt/derived', {
        ciphertext: await sealed(),
        context: here,
      });
      assert.equal(status, 200);
      assert.deepEqual(body.data, { plaintext: base64('secret') });
    });

    test('another context is refused for good, whatever the status says', async () => {
      const answer = await ask('decrypt/derived', {
        ciphertext: await sealed(),
        context: elsewhere,
      });
      // Vault of the 1.8 line answers 500, which is no reason to try again.
      assert.ok([400, 500].includes(answer.status));
      assert.match(answer.errors, /cipher: message authentication failed/);
    });

    test('a derived key does nothing without a context', async () => {
      for (const path of ['encrypt/derived', 'datakey/plaintext/derived']) {
        const answer = await ask(path, { plaintext: base64('x') });
        assert.equal(answer.status, 400, path);
        assert.match(answer.errors, /missing 'context' for key derivation/);
      }
    });

    const nonsense: [string, string, RegExp][] = [
      ['without prefix', 'nonsense', /no prefix/],
      ['of a version to come', 'vault:v9:AAAA', /version is too new/],
      ['that is no base64', 'vault:v1:!!', /could not decode base64/],
      ['that is too short', 'vault:v1:AAAA', /invalid ciphertext length/],
    ];
    for (const [what, ciphertext, reason] of nonsense) {
      test(`a ciphertext ${what} is refused`, async () => {
        const answer = await ask('decrypt/derived', { ciphertext, context: here });
        assert.equal(answer.status, 400);
        assert.match(answer.errors, reason);
      });
    }

    test('a data key comes with its wrapped form, which opens to the same bytes', async () => {
      const { body } = await ask('datakey/plaintext/derived', { context: here });
      const plaintext = text(body.data?.['plaintext']);
      assert.equal(Buffer.from(plaintext, 'base64').length, 32);
      const opened = await ask('decrypt/derived', {
        ciphertext: text(body.data?.['ciphertext']),
        context: here,
      });
      assert.deepEqual(opened.body.data, { plaintext });
    });

    test('a wrapped data key comes alone', async () => {
      const { body } = await ask('datakey/wrapped/derived', { context: here });
      assert.equal(body.data?.['plaintext'], undefined);
      assert.match(text(body.data?.['ciphertext']), /^vault:v1:/);
    });

    test('rotation, rewrap and a least version: old ciphertexts move on or stop opening', async () => {
      await ask('keys/rotated', { derived: true });
      const { body } = await ask('encrypt/rotated', { plaintext: base64('x'), context: here });
      const old = text(body.data?.['ciphertext']);
      assert.equal((await ask('keys/rotated/rotate', {})).status, 200);
      const stillOpen = await ask('decrypt/rotated', { ciphertext: old, context: here });
      assert.equal(stillOpen.status, 200);
      const rewrapped = await ask('rewrap/rotated', { ciphertext: old, context: here });
      const fresh = text(rewrapped.body.data?.['ciphertext']);
      assert.match(fresh, /^vault:v2:/);
      const least = await ask('keys/rotated/config', { min_decryption_version: 2 });
      assert.equal(least.status, 200);
      const tooOld = await ask('decrypt/rotated', { ciphertext: old, context: here });
      assert.equal(tooOld.status, 400);
      assert.match(tooOld.errors, /disallowed by policy \(too old\)/);
      const opened = await ask('decrypt/rotated', { ciphertext: fresh, context: here });
      assert.deepEqual(opened.body.data, { plaintext: base64('x') });
    });

    test('a rewrap under another context is refused', async () => {
      const answer = await ask('rewrap/derived', {
        ciphertext: await sealed(),
        context: elsewhere,
      });
      assert.ok([400, 500].includes(answer.status));
      assert.match(answer.errors, /message authentication failed/);
    });

    test('a least version beyond the latest is refused', async () => {
      const answer = await ask('keys/plain/config', { min_decryption_version: 9 });
      assert.equal(answer.status, 400);
      assert.match(answer.errors, /cannot set min decryption version of 9/);
    });

    test('a batch is answered entry by entry, in its order', async () => {
      const ciphertexts = [await sealed(), await sealed()];
      const { status, body } = await ask('rewrap/derived', {
        batch_input: ciphertexts.map((ciphertext) => ({ ciphertext, context: here })),
      });
      assert.equal(status, 200);
      const results = body.data?.['batch_results'];
      assert.ok(Array.isArray(results));
      assert.equal(results.length, 2);
    });

    test('one bad entry of a batch makes the whole answer a failure', async () => {
      const { status } = await ask('decrypt/derived', {
        batch_input: [
          { ciphertext: await sealed(), context: here },
          { ciphertext: await sealed(), context: elsewhere },
        ],
      });
      assert.ok([400, 500].includes(status), String(status));
    });

    test('rewrap does not carry associated data over, so nothing may be bound by it', async () => {
      const bound = { plaintext: base64('x'), associated_data: base64('row 1') };
      const { body } = await ask('encrypt/plain', bound);
      const answer = await ask('rewrap/plain', {
        ciphertext: text(body.data?.['ciphertext']),
        associated_data: bound.associated_data,
      });
      // Old servers ignored it already when they encrypted, and rewrap without a word.
      assert.ok([200, 400, 500].includes(answer.status));
      if (answer.status !== 200) assert.match(answer.errors, /message authentication failed/);
    });

    test('a key is deleted only when that was allowed', async () => {
      await ask('keys/short-lived', {});
      const refused = await space.asRoot('DELETE', `${mount}/keys/short-lived`);
      assert.equal(refused.status, 400);
      assert.match(refused.errors, /deletion is not allowed/);
      await ask('keys/short-lived/config', { deletion_allowed: true });
      assert.equal((await space.asRoot('DELETE', `${mount}/keys/short-lived`)).status, 204);
      assert.equal((await space.asRoot('GET', `${mount}/keys/short-lived`)).status, 404);
    });

    test('an ES256 signature in JWS form verifies with the key’s public half', async () => {
      await ask('keys/signer', { type: 'ecdsa-p256' });
      const input = base64('header.payload');
      const { body } = await ask('sign/signer', { input, marshaling_algorithm: 'jws' });
      const signature = text(body.data?.['signature']).replace('vault:v1:', '');
      const described = await space.asRoot('GET', `${mount}/keys/signer`);
      const [pem] = /-----BEGIN PUBLIC KEY-----[^-]+-----END PUBLIC KEY-----/.exec(
        JSON.stringify(described.body.data).replaceAll('\\n', '\n'),
      ) ?? [''];
      const isValid = verify(
        'sha256',
        Buffer.from('header.payload'),
        { key: createPublicKey(pem), dsaEncoding: 'ieee-p1363' },
        Buffer.from(signature, 'base64url'),
      );
      assert.equal(isValid, true);
    });

    test('verify tells a good signature from one over something else', async () => {
      await ask('keys/ed', { type: 'ed25519' });
      const { body } = await ask('sign/ed', { input: base64('x') });
      const signature = text(body.data?.['signature']);
      const verdict = async (input: string) =>
        (await ask('verify/ed', { input, signature })).body.data?.['valid'];
      assert.equal(await verdict(base64('x')), true);
      assert.equal(await verdict(base64('y')), false);
    });

    const refused: [string, string, object, RegExp][] = [
      [
        'an unknown key decrypts nothing',
        'decrypt/none',
        { ciphertext: 'vault:v1:x' },
        /not found/,
      ],
      ['an unknown kind of data key', 'datakey/half/plain', {}, /must be 'plaintext' or 'wrapped'/],
      ['a data key of odd length', 'datakey/plaintext/plain', { bits: 100 }, /invalid bit length/],
      ['signing with a cipher key', 'sign/plain', { input: 'eA==' }, /does not support signing/],
      ['a type of key that does not exist', 'keys/odd', { type: 'odd' }, /unknown key type odd/],
      ['an empty batch', 'encrypt/plain', { batch_input: [] }, /missing batch input/],
    ];
    for (const [what, path, body, reason] of refused) {
      test(`refused: ${what}`, async () => {
        const answer = await ask(path, body);
        assert.equal(answer.status, 400);
        assert.match(answer.errors, reason);
      });
    }
  });
}
