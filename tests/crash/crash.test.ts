/** A small part of the matrix with every run of the tests; `npm run crash-matrix` is the whole, also on a real Vault. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { startVaultDouble, type VaultDouble } from '@airlock/vault-double/server';
import { smallMatrix } from './cases.ts';
import { runMatrix, type CaseResult } from './run.ts';

const cases = smallMatrix();
let double: VaultDouble;
let results: CaseResult[];

describe('whoever dies, one pass of a watchdog leaves no token, lease or role, and the delivery ends once', () => {
  before(async () => {
    const rootToken = randomBytes(12).toString('hex');
    double = await startVaultDouble({ host: '127.0.0.1', port: 0, rootToken });
    results = await runMatrix(cases, { address: double.address, rootToken });
  });
  after(() => double.stop());

  for (const { name } of cases) {
    test(name, () => {
      assert.deepEqual(results.find((result) => result.name === name)?.faults, []);
    });
  }
});
