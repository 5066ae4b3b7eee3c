import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ledgerSource } from '@airlock/cli/ledger-source';
import { fetchBytes } from '@airlock/cli/web-session';
import { vkeyOf } from '@airlock/common/ledger/note';
import { verifyLedger } from '@airlock/common/ledger/verify-ledger';
import { approvedBy } from './ceremonies.fixture.ts';
import { privateKey, signer } from './gate-web-world.fixture.ts';
import { origin, useGateWeb } from './gate-web.fixture.ts';

useGateWeb();

test('the ledger that is served verifies from its first entry on, without a session', async () => {
  await approvedBy('leo');
  const source = ledgerSource(origin);
  const verified = await verifyLedger({ read: source, vkey: vkeyOf(signer.name, privateKey) });
  assert.ok(verified.ok, JSON.stringify(verified));
  assert.ok(verified.size >= 3);
  assert.equal(await source('tile/0/000.p/255'), null);
  const outside = await fetchBytes(new URL('/ledger/tile/..%2f..%2fcheckpoint', origin));
  assert.equal(outside.status, 404);
});
