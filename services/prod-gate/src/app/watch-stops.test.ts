import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatId } from '@airlock/common/ids';
import { LedgerError } from '@airlock/common/ledger/ledger-error';
import { createLedgerFold } from '../domain/ledger-facts.ts';
import type { KnownStop } from '../domain/stop.ts';
import type { FollowLedger } from './follow-ledger.ts';
import { createStopWatch } from './watch-stops.ts';

const now = new Date('2026-11-22T10:00:00Z');
const stop: KnownStop = {
  ...{ id: 'stp_0000000000', digest: 'a'.repeat(64), kind: 'stop-all', targets: [], matter: null },
  ...{ since: null, until: null, except: [], reason: 'leaving', person: 'leo', placedAt: now },
};
const running = {
  delivery: { id: 'dlv_0000000000' },
  promotion: {
    ...{ id: formatId('prm', new Uint8Array(10)), target: 'prod-eu', admittedAt: now },
    ...{ repository: 'https://git.example/org/app', commit: 'c'.repeat(40) },
  },
  restsOn: [],
};

const watching = (ledger: FollowLedger, recent: () => Promise<KnownStop[]>) =>
  createStopWatch({
    ...{ ledger, stops: { recent }, emergency: () => null, clock: () => now },
    locks: () => Promise.resolve(false),
  });

test('the rows of stops are asked for while the ledger is still followed', async () => {
  let asked = () => {};
  const rowsAsked = new Promise<void>((resolve) => {
    asked = resolve;
  });
  const watch = watching(
    () => rowsAsked.then(createLedgerFold),
    () => {
      asked();
      return Promise.resolve([stop]);
    },
  );
  assert.equal((await watch.against(running))?.stop, stop.id);
});

test('while the ledger cannot be proven a row stops by itself', async () => {
  const unproven = () => Promise.reject(new LedgerError('note-signature-invalid', 'another key'));
  const watch = watching(unproven, () => Promise.resolve([stop]));
  assert.equal((await watch.against(running))?.stop, stop.id);
});

test('what is no fault of the ledger, or keeps the rows from being read, is thrown and no answer', async () => {
  const away = () => Promise.reject(new Error('connection refused'));
  const readable = () => Promise.resolve(createLedgerFold());
  await assert.rejects(
    watching(away, () => Promise.resolve([])).against(running),
    /connection refused/,
  );
  await assert.rejects(watching(readable, away).against(running), /connection refused/);
});
