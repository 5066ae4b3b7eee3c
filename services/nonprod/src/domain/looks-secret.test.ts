import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { looksSecret } from './looks-secret.ts';

/** Put together here, so that no scanner of this repository finds one. */
const secrets = {
  'a key of AWS': ['AKIA', 'IOSFODNN7EXAMPLE'].join(''),
  'a token of GitHub': ['ghp_', 'a1B2c3D4e5'.repeat(4)].join(''),
  'a private key': ['-----BEGIN EC ', 'PRIVATE KEY-----\nMHcCAQ\n'].join(''),
  'a JSON Web Token': ['eyJhbGciOiJFUzI1NiJ9', 'eyJzdWIiOiJ0ZXN0In0', 'sig'].join('.'),
  'an address with a password': 'postgres://shop:hunter2@db.example/shop',
  'random base64': createHash('sha256').update('a').digest('base64'),
  'random hex in a longer text': `key=${createHash('sha256').update('b').digest('hex')};`,
};

for (const [what, value] of Object.entries(secrets)) {
  test(`${what} looks like a secret`, () => {
    assert.notEqual(looksSecret('SETTING', value), null);
  });
}

test('a name that ends like a secret’s is enough, and one that only has such a word is not', () => {
  for (const name of ['DB_PASSWORD', 'TOKEN', 'NPM_TOKEN', 'STRIPE_API_KEY']) {
    assert.notEqual(looksSecret(name, 'x'), null, name);
  }
  for (const name of ['TOKEN_URL', 'PASSWORDLESS', 'SECRETARY']) {
    assert.equal(looksSecret(name, 'x'), null, name);
  }
});

test('what builds are set with every day does not', () => {
  for (const value of [
    ...['', 'true', '3.11', 'eu-central-1', 'https://registry.example/npm/', '-O2 -Wall'],
    ...['registry.example/team/my-long-service-name-production:2026.11.22', '/usr/local/lib'],
    ...['this is a sentence about nothing in particular', 'MaxSemiSpaceSize', '1700000000000'],
    `node@sha256:${createHash('sha256').update('c').digest('hex')}`,
  ]) {
    assert.equal(looksSecret('SETTING', value), null, value);
  }
});
