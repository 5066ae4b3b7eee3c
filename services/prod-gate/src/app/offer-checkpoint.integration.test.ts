import assert from 'node:assert/strict';
import { createHash, generateKeyPairSync } from 'node:crypto';
import { after, before, beforeEach, test } from 'node:test';
import { openCheckpoint, signCheckpoint } from '@airlock/common/ledger/checkpoint';
import {
  cosign,
  cosignaturesOf,
  parseWitnessVkey,
  witnessVkeyOf,
} from '@airlock/common/ledger/cosignature';
import { parseLedgerEntry } from '@airlock/common/ledger/entry';
import { parseVkey, vkeyOf } from '@airlock/common/ledger/note';
import {
  judgeCheckpoint,
  parseAddCheckpoint,
  type WitnessedTree,
} from '@airlock/common/ledger/witness';
import { createGateDatabase, type TestGateDatabase } from '@airlock/testkit/gate-database';
import { openDatabase, type GateDatabase } from '../adapters/postgres/client.ts';
import { createIntakeStore } from '../adapters/postgres/intake-store.ts';
import { createLedgerSequencer } from '../adapters/postgres/ledger-sequencer.ts';
import {
  createCosignatureStore,
  createLedgerReader,
  recorder,
} from '../adapters/postgres/ledger-store.ts';
import { createPromotionStore } from '../adapters/postgres/promotion-store.ts';
import { ledgerFreeze } from '../domain/ledger-freeze.ts';
import { offerCheckpoint } from './offer-checkpoint.ts';
import type { Witness } from './intake-ports.ts';
import { sequenceLedger } from './sequence-ledger.ts';

const key = () => generateKeyPairSync('ed25519').privateKey;
const signer = { name: 'gate.example/ledger', privateKey: key() };
const log = parseVkey(vkeyOf(signer.name, signer.privateKey));
const witnessSigner = { name: 'nonprod.example/witness', privateKey: key() };
const verifier = parseWitnessVkey(witnessVkeyOf(witnessSigner.name, witnessSigner.privateKey));
const at = new Date('2026-11-22T10:00:00Z');

let gate: TestGateDatabase;
let intake: GateDatabase;
let watchdog: GateDatabase;
before(async () => {
  gate = await createGateDatabase();
  intake = openDatabase(gate.settings('gate_intake'));
  watchdog = openDatabase(gate.settings('gate_watchdog'));
});
after(async () => {
  await intake.close();
  await watchdog.close();
  await gate.dispose();
});
beforeEach(async () => {
  await gate.asOwner('delete from repository_freeze');
});

/** A witness by the kernel's judgement, with its memory in a variable. */
function honestWitness(): Witness & { last: WitnessedTree | null; heard: number } {
  const witness: Witness & { last: WitnessedTree | null; heard: number } = {
    last: null,
    heard: 0,
    addCheckpoint(body) {
      witness.heard += 1;
      const request = parseAddCheckpoint(body);
      const judged = judgeCheckpoint(request, openCheckpoint(request.note, log), witness.last);
      const answer = (status: number, text: string) =>
        Promise.resolve({ status, body: Buffer.from(text) });
      switch (judged.verdict) {
        case 'cosign':
          witness.last = judged.tree;
          return answer(200, cosign(witnessSigner, request.note, at));
        case 'conflict':
          return answer(409, `${judged.size}\n`);
        case 'inconsistent':
          return answer(422, judged.detail);
        case 'malformed':
          return answer(400, judged.detail);
      }
    },
  };
  return witness;
}

const offer = (witness: Witness) =>
  offerCheckpoint({
    ledger: createLedgerReader(intake),
    cosignatures: createCosignatureStore(intake),
    witness,
    verifier,
    transactor: intake,
    intake: createIntakeStore(intake),
    promotions: createPromotionStore(intake),
    recorder,
    clock: () => at,
  });

let said = 0;
async function grow(by: number): Promise<number> {
  for (let more = 0; more < by; more += 1) {
    said += 1;
    await intake.transaction((tx) =>
      recorder.record(tx, {
        type: 'git.head',
        at,
        actor: 'intake',
        subjectDigest: createHash('sha256').update(String(said)).digest('hex'),
        refs: {},
      }),
    );
  }
  return (await sequenceLedger({ sequencer: createLedgerSequencer(watchdog.pool), signer })).size;
}

const witness = honestWitness();

test('each new checkpoint is shown, and what is served carries the cosignature', async () => {
  assert.equal(await offer(witness), null, 'an empty ledger has nothing to show');
  await grow(3);
  assert.equal(await offer(witness), 3);
  const heard = witness.heard;
  assert.equal(await offer(witness), null);
  assert.equal(witness.heard, heard, 'nothing new is not shown');
  const size = await grow(300);
  const reader = createLedgerReader(intake);
  assert.equal((await reader.witnessed())?.size, 3);
  assert.equal(await offer(witness), size);
  const served = (await reader.checkpoint())?.note ?? '';
  assert.deepEqual(cosignaturesOf(Buffer.from(served), [verifier]), [{ witness: verifier, at }]);
  assert.equal(openCheckpoint(Buffer.from(served), log).size, size);
  const witnessed = await reader.witnessed();
  assert.deepEqual(witnessed?.by, [{ witness: verifier.name, at }]);
});

test('an answer that got lost is asked for again', async () => {
  const size = await grow(2);
  const silent: Witness = {
    async addCheckpoint(body) {
      await witness.addCheckpoint(body);
      throw new Error('the connection ended');
    },
  };
  await assert.rejects(offer(silent), /connection ended/);
  assert.equal(await offer(witness), size);
});

test('what is no cosignature by the pinned key is not kept, and nothing is frozen', async () => {
  await grow(1);
  const other = { name: witnessSigner.name, privateKey: key() };
  for (const [status, body] of [
    [200, ''],
    [200, 'no note\n'],
    [
      200,
      cosign(other, Buffer.from(signCheckpoint(signer, { size: 1, root: Buffer.alloc(32) })), at),
    ],
    [
      200,
      cosign(
        witnessSigner,
        Buffer.from(signCheckpoint(signer, { size: 1, root: Buffer.alloc(32) })),
        at,
      ),
    ],
    [403, 'no'],
    [409, 'five\n'],
    [500, ''],
  ] as const) {
    const lying: Witness = {
      addCheckpoint: () => Promise.resolve({ status, body: Buffer.from(body) }),
    };
    await assert.rejects(offer(lying), { code: 'witness-refused' }, `${status} ${body}`);
  }
  assert.notEqual(await offer(witness), null);
});

const freezes = () => gate.asOwner('select repository, reason from repository_freeze');

test('a witness that saw another past freezes deliveries until a person lifts it', async () => {
  const seen = honestWitness();
  seen.last = { size: 4, root: Buffer.alloc(32, 4) };
  const size = await grow(1);
  await assert.rejects(offer(seen), { code: 'E_LEDGER_INCONSISTENT', message: /do not go on/ });
  assert.match(String((await freezes())[0]?.['reason']), /nonprod\.example\/witness cosigned/);
  const heard = seen.heard;
  await assert.rejects(offer(seen), {
    code: 'E_LEDGER_INCONSISTENT',
    message: /repository_freeze/,
  });
  assert.equal(seen.heard, heard);
  const promotions = createPromotionStore(intake);
  assert.notEqual(await promotions.freezeOf(ledgerFreeze), null);
  const [recorded] = await gate.asOwner(
    `select convert_from(body, 'UTF8') as body from ledger_pending order by id desc limit 1`,
  );
  const { type, refs } = parseLedgerEntry(Buffer.from(String(recorded?.['body'])));
  assert.equal(type, 'ledger.contradicted');
  assert.deepEqual(refs, { witness: verifier.name, witnessed: '4', size: String(size) });
});

test('two roots for one size, and a ledger that went back, freeze as well', async () => {
  const size = await grow(0);
  const split = honestWitness();
  split.last = { size, root: Buffer.alloc(32, 1) };
  await assert.rejects(offer(split), { code: 'E_LEDGER_INCONSISTENT', message: /another root/ });
  await gate.asOwner('delete from repository_freeze');
  const ahead = honestWitness();
  ahead.last = { size: size + 5, root: Buffer.alloc(32, 1) };
  await assert.rejects(offer(ahead), {
    code: 'E_LEDGER_INCONSISTENT',
    message: new RegExp(`cosigned ${size + 5} entries, and the ledger has ${size}`),
  });
});
