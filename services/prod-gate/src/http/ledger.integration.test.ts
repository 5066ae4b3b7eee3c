import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ledgerSource } from '@airlock/cli/ledger-source';
import { fetchBytes } from '@airlock/cli/web-session';
import { parseVkey, vkeyOf } from '@airlock/common/ledger/note';
import { verifyTlogProof } from '@airlock/common/ledger/tlog-proof';
import { verifyLedger } from '@airlock/common/ledger/verify-ledger';
import { approvedBy } from './ceremonies.fixture.ts';
import { privateKey, signer } from './gate-web-world.fixture.ts';
import {
  gate,
  json,
  origin,
  promotionId,
  sequence,
  signedIn,
  useGateWeb,
} from './gate-web.fixture.ts';

useGateWeb();

test('one entry has a page and an answer for machines, whose receipt needs no gate; its files keep their addresses', async () => {
  await approvedBy('leo');
  await sequence();
  const leo = await signedIn('leo');
  const recorded = await gate.asOwner(
    "select idx from ledger_entry where type = 'approval.recorded' order by idx desc limit 1",
  );
  const path = `/ledger/${Number(recorded[0]?.['idx'])}`;
  const page = await leo.get(path);
  assert.equal(page.status, 200, page.body);
  assert.match(page.body, new RegExp(`leo approved ${promotionId}`));
  assert.match(page.body, new RegExp(`href="/promotions/${promotionId}"`));
  const answer = json(await leo.get(`/api/v1${path}`)) as { body: string; receipt: string };
  const verifier = parseVkey(vkeyOf(signer.name, privateKey));
  const [receipt, body] = [Buffer.from(answer.receipt), Buffer.from(answer.body, 'base64')];
  assert.ok(verifyTlogProof(receipt, body, verifier).checkpoint.size > 0);
  const others = ['/ledger/999999', '/ledger/00', '/ledger/-1', '/api/v1/ledger/x'];
  for (const other of others) assert.equal((await leo.get(other)).status, 404, other);
  const checkpoint = await fetchBytes(new URL('/ledger/checkpoint', origin));
  assert.match(checkpoint.body.toString(), new RegExp(`^${signer.name}\n`));
  assert.notEqual((await fetchBytes(new URL(path, origin))).status, 200);
});

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
