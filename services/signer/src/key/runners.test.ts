import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { keyIdOf } from '@airlock/common/trust/signer';
import { loadRunners } from './runners.ts';

const directory = mkdtempSync(join(tmpdir(), 'airlock-runners-'));
after(() => {
  rmSync(directory, { recursive: true });
});

const { publicKey } = generateKeyPairSync('ed25519');
const row = {
  runner: 'runner-1',
  keyid: keyIdOf(publicKey),
  publicKeyPem: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
  alg: 'ed25519',
  roles: ['run'],
  builderIds: ['https://n/builders/main@v1'],
  notBefore: '2026-01-01T00:00:00Z',
  notAfter: '2027-01-01T00:00:00Z',
};
const file = join(directory, 'runners.json');
const load = (content: unknown) => {
  writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content));
  return loadRunners(file);
};

test('a row pins a key to one runner', () => {
  const { trust, nameOf } = load({ version: 1, runners: [row] });
  assert.deepEqual([...trust.signers.keys()], [row.keyid]);
  assert.equal(nameOf.get(row.keyid), 'runner-1');
});

test('a file that is not whole keeps the signer from starting, and the fault is named', () => {
  const cases: [unknown, RegExp][] = [
    ['{', /not a readable JSON file/],
    [{ version: 2, runners: [] }, /version/],
    [{ version: 1, runners: [{ ...row, roles: ['provenance'] }] }, /runners\.0\.roles/],
    [{ version: 1, runners: [{ ...row, builderIds: [] }] }, /runners\.0\.builderIds/],
    [{ version: 1, runners: [{ ...row, keyid: 'x' }] }, /x: the key's id is/],
    [{ version: 1, runners: [row, row] }, /two rows name this key/],
  ];
  for (const [content, expected] of cases) {
    assert.throws(() => load(content), { code: 'configuration-refused', message: expected });
  }
  assert.throws(() => loadRunners(join(directory, 'absent')), { code: 'configuration-refused' });
});
