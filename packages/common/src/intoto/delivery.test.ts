import assert from 'node:assert/strict';
import { test } from 'node:test';
import { deliveryPredicate } from '../constants.ts';
import { AttestationError } from './attestation.ts';
import {
  deliveryLogText,
  deliveryStatement,
  parseDeliveryStatement,
  type DeliveryRecord,
} from './delivery.ts';
import { statementBytes } from './statement.ts';

const sha = (letter: string): string => letter.repeat(64);
const subject = { name: 'shop.tar.gz', sha256: sha('a') };
const record: DeliveryRecord = {
  delivery: 'dlv_0123456789',
  promotion: 'prm_0123456789',
  promotionDigest: sha('b'),
  gate: 'https://gate.example',
  target: 'prod-eu',
  release: '2026.11.22-1',
  repository: 'https://git.example/shop',
  commit: 'c'.repeat(40),
  position: 12,
  artifactBytes: 2048,
  approvals: [{ person: 'mira', credential: 'key', statement: sha('d') }],
  policy: sha('e'),
  roster: sha('f'),
  trust: null,
  configuration: null,
  hook: { name: `load@sha256:${sha('1')}`, startedAt: null, finishedAt: null, exit: null },
  startedAt: '2026-11-22T12:00:00.000Z',
  finishedAt: '2026-11-22T12:00:09.000Z',
  outcome: 'failed',
  session: null,
  credentials: [],
  intent: sha('2'),
  summary: sha('3'),
  log: { lines: 0, sha256: sha('4') },
};

test('a statement reads back as it was made, whatever order its maker had', () => {
  const turned = Object.fromEntries(Object.entries(record).reverse()) as DeliveryRecord;
  const bytes = deliveryStatement(subject, turned);
  assert.deepEqual(bytes, deliveryStatement(subject, record));
  assert.deepEqual(parseDeliveryStatement(bytes), { subject, predicate: record });
});

test('an unknown field, a missing one and an outcome of no name are refused', () => {
  const without = Object.fromEntries(Object.entries(record).filter(([name]) => name !== 'intent'));
  for (const predicate of [{ ...record, note: 'x' }, without, { ...record, outcome: 'maybe' }]) {
    const bytes = statementBytes(subject, deliveryPredicate, predicate);
    assert.throws(() => parseDeliveryStatement(bytes), AttestationError);
  }
});

test('one line of a log stays one line of its text', () => {
  const at = new Date('2026-11-22T12:00:00Z');
  const text = deliveryLogText([{ at, stream: 'stdout', line: 'loaded\nrevoked' }]);
  assert.equal(text, '2026-11-22T12:00:00.000Z stdout loaded␊revoked\n');
});
