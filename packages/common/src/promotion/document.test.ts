import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { test } from 'node:test';
import {
  decisionAsked,
  deltaDigest,
  parsePromotionDocument,
  promotionDigest,
  promotionDocument,
  type PromotionDocument,
  type ReturnOrder,
} from './document.ts';

const facts: Omit<PromotionDocument, 'v'> = {
  gate: 'https://gate.example',
  promotion: 'prm_7k2q9x0d1f',
  target: 'prod-eu',
  release: '2026.11.22-1',
  repository: 'https://git.example/org/app',
  commit: '1'.repeat(40),
  position: 10,
  subject: 'app.tar.gz',
  artifact: '2'.repeat(64),
  bundle: '3'.repeat(64),
  provenance: '4'.repeat(64),
  policy: '5'.repeat(64),
  hook: `migrate@sha256:${'6'.repeat(64)}`,
  params: { schema: 'app', limit: 3, dryRun: false },
  roster: '7'.repeat(64),
  base: { commit: '8'.repeat(40), release: '2026.11.20-1' },
  delta: deltaDigest([{ commit: '1'.repeat(40) }]),
  requester: 'dana',
  requestedAt: '2026-11-22T11:30:00Z',
  notAfter: '2026-11-23T11:30:00Z',
};

test('the document reads back whole, and its bytes do not depend on the order facts are given in', () => {
  const bytes = promotionDocument(facts);
  assert.deepEqual(parsePromotionDocument(bytes), { v: 1, ...facts });
  // The entries are those of facts, whose type fromEntries forgets.
  const shuffled = Object.fromEntries(Object.entries(facts).reverse()) as typeof facts;
  assert.ok(promotionDocument(shuffled).equals(bytes));
  assert.ok(bytes.toString().startsWith('{"v":1,"gate":"https://gate.example","promotion":'));
});

test('every changed fact is another document', () => {
  const changes: Partial<PromotionDocument>[] = [
    { gate: 'https://gate.evil' },
    { promotion: 'prm_0000000000' },
    { target: 'prod-us' },
    { release: '2026.11.22-2' },
    { repository: 'https://git.example/other' },
    { commit: '9'.repeat(40) },
    { position: 11 },
    { subject: 'other.tar.gz' },
    { artifact: '9'.repeat(64) },
    { bundle: '9'.repeat(64) },
    { provenance: '9'.repeat(64) },
    { policy: '9'.repeat(64) },
    { hook: `migrate@sha256:${'9'.repeat(64)}` },
    { params: { schema: 'app', limit: 4, dryRun: false } },
    { roster: '9'.repeat(64) },
    { base: null },
    { delta: '9'.repeat(64) },
    { requester: 'kim' },
    { requestedAt: '2026-11-22T11:30:01Z' },
    { notAfter: '2026-11-23T11:30:01Z' },
  ];
  assert.equal(changes.length, Object.keys(facts).length);
  const digests = [facts, ...changes.map((change) => ({ ...facts, ...change }))].map((one) =>
    promotionDigest(promotionDocument(one)),
  );
  assert.equal(new Set(digests).size, changes.length + 1);
});

test('a return is another document for another decision, and so is each of its answers', () => {
  const answered = (answer: 'tolerates' | 'down'): ReturnOrder => ({
    ...{ delivery: 'dlv_7k2q9x0d1f', promotion: 'prm_7k2q9x0d1f', reason: 'orders fail' },
    migrations: [{ path: 'migrations/0002.sql', answer }],
  });
  const documents = [
    facts,
    { ...facts, return: answered('tolerates') },
    { ...facts, return: answered('down') },
  ].map((one) => promotionDocument(one));
  assert.equal(new Set(documents.map(promotionDigest)).size, 3);
  assert.deepEqual(
    documents.map((bytes) => decisionAsked(parsePromotionDocument(bytes))),
    ['approve', 'rollback', 'rollback'],
  );
});

test('a fact that does not have its form is refused', () => {
  for (const change of [
    { commit: '1'.repeat(39) },
    { artifact: 'A'.repeat(64) },
    { hook: 'migrate' },
    { promotion: 'prq_7k2q9x0d1f' },
    { params: { a: 1.5 } },
    { notAfter: 'tomorrow' },
    { extra: 1 },
  ]) {
    assert.throws(() => promotionDocument({ ...facts, ...change }), {
      code: 'promotion-document-malformed',
    });
  }
  assert.throws(() => parsePromotionDocument(Buffer.from('{"v":1}')), {
    code: 'promotion-document-malformed',
  });
  assert.throws(() => parsePromotionDocument(Buffer.from('{"v": 1}')), { code: 'E_NOT_CANONICAL' });
});
