import assert from 'node:assert/strict';
import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { SignerConfig } from '../config.ts';
import { loadKeys } from './signing-keys.ts';

const directory = mkdtempSync(join(tmpdir(), 'airlock-keys-'));
after(() => {
  rmSync(directory, { recursive: true });
});

const builderIds = { main: 'https://n/builders/main@v1', pr: 'https://n/builders/pr@v1' };

function save(name: string, text: string | KeyObject, mode = 0o600): string {
  const path = join(directory, name);
  const pem = typeof text === 'string' ? text : text.export({ type: 'pkcs8', format: 'pem' });
  rmSync(path, { force: true });
  writeFileSync(path, pem, { mode });
  return path;
}

function four() {
  const p256 = () => generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
  return {
    main: save('main', p256()),
    pr: save('pr', p256()),
    test: save('test', p256()),
    promotion: save('promotion', generateKeyPairSync('ed25519').privateKey),
  };
}

test('each key is published with what it may sign and no private part', () => {
  const { published, signing } = loadKeys({ keys: four(), builderIds });
  assert.deepEqual(
    published.keys.map(({ alg, roles, builderIds: ids }) => [alg, roles, ids]),
    [
      ['ecdsa-p256-sha256', ['provenance'], [builderIds.main]],
      ['ecdsa-p256-sha256', ['provenance'], [builderIds.pr]],
      ['ecdsa-p256-sha256', ['test'], [builderIds.main]],
      ['ed25519', ['promotion'], []],
    ],
  );
  assert.equal(published.keys[0]?.keyid, signing.main[0].keyid);
  assert.ok(!JSON.stringify(published).includes('PRIVATE'));
});

test('in a rotation the old and the new key are held and published side by side, and no third', () => {
  const next = save('next', generateKeyPairSync('ed25519').privateKey);
  const keys = four();
  const { published, signing } = loadKeys({
    keys: { ...keys, main: [keys.main, next] },
    builderIds,
  });
  assert.equal(signing.main.length, 2);
  assert.deepEqual(
    published.keys
      .filter(
        ({ builderIds: ids, roles }) => roles[0] === 'provenance' && ids[0] === builderIds.main,
      )
      .map(({ keyid }) => keyid),
    signing.main.map(({ keyid }) => keyid),
  );
  assert.throws(() => loadKeys({ keys: { ...keys, main: [keys.main, keys.main] }, builderIds }), {
    message: /keys\.main: .*same key as keys\.main/,
  });
  const config = SignerConfig.shape.keys;
  assert.ok(!config.safeParse({ ...keys, main: [keys.main, next, keys.pr] }).success);
  assert.ok(!config.safeParse({ ...keys, main: [] }).success);
});

test('a key file that others may read is refused, with the command that mends it', () => {
  for (const mode of [0o640, 0o604, 0o660]) {
    const keys = { ...four(), test: save('open', generateKeyPairSync('ed25519').privateKey, mode) };
    assert.throws(() => loadKeys({ keys, builderIds }), {
      code: 'configuration-refused',
      message: /keys\.test: .*chmod 600/,
    });
  }
});

test('one key for two purposes is refused: a pull request must not be signed as main', () => {
  const keys = four();
  assert.throws(() => loadKeys({ keys: { ...keys, pr: keys.main }, builderIds }), {
    message: /keys\.pr: .*same key as keys\.main/,
  });
});

test('another kind of key, no key and no file are refused, each by its name', () => {
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
  const p384 = generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey;
  const publicKey = generateKeyPairSync('ed25519').publicKey.export({
    type: 'spki',
    format: 'pem',
  });
  for (const file of [
    save('rsa', rsa),
    save('p384', p384),
    save('public', publicKey.toString()),
    save('empty', ''),
    join(directory, 'absent'),
  ]) {
    assert.throws(() => loadKeys({ keys: { ...four(), main: file }, builderIds }), {
      code: 'configuration-refused',
      message: /^keys\.main: /,
    });
  }
});
