/** Stopping and starting again on a real Postgres with the gate's own migration, grants, ledger and passkeys. */
import { createSoftwarePasskey, type SoftwarePasskey } from '@airlock/cli/software-passkey';
import { signingKeyOf } from '@airlock/common/approval/security-key';
import { approvalNamespace, enrolmentNamespace } from '@airlock/common/constants';
import { vkeyOf } from '@airlock/common/ledger/note';
import { createSoftwareSecurityKey } from '@airlock/cli/software-security-key';
import { Roster } from '@airlock/common/policy/target-policy';
import { nobodyListed } from './testing/nobody-listed.ts';
import { createGateDatabase, type TestGateDatabase } from '@airlock/testkit/gate-database';
import assert from 'node:assert/strict';
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { openDatabase, type GateDatabase } from './adapters/postgres/client.ts';
import { createDeliveryStore } from './adapters/postgres/delivery-store.ts';
import { createLedgerSequencer } from './adapters/postgres/ledger-sequencer.ts';
import { createLedgerReader, recorder } from './adapters/postgres/ledger-store.ts';
import { createPasskeyStore } from './adapters/postgres/passkey-store.ts';
import { createPromotionQueries } from './adapters/postgres/promotion-queries.ts';
import { createStopStore } from './adapters/postgres/stop-store.ts';
import { createTraceStore } from './adapters/postgres/trace-store.ts';
import { verifyRegistration } from './adapters/webauthn/registration.ts';
import { DecisionError } from './app/decision-error.ts';
import { createSecurityKeyEnrolment } from './app/enrol-security-key.ts';
import { createEnrolment } from './app/enrol-passkey.ts';
import { createLiftPass } from './app/lift-stop.ts';
import type { StopWish } from './app/place-stop.ts';
import type { GateFiles } from './app/configuration-ports.ts';
import { createLedgerProofs } from './app/prove-entry.ts';
import { sequenceLedger } from './app/sequence-ledger.ts';
import { createPairCut } from './app/watch-stops.ts';
import { createStopping } from './stop-keeping.ts';

const gateOrigin = 'http://gate.localhost:4000';
const relyingParty = { rpId: 'gate.localhost', origin: gateOrigin };
const { privateKey } = generateKeyPairSync('ed25519');
const signer = { name: 'gate.example/ledger', privateKey };
const person = (id: string, role: string) => ({
  ...{ id, name: id, nameId: `${id}@idp.example`, roles: [role] },
  gitEmails: [`${id}@example.com`],
});
const roster = Roster.parse({
  version: 1,
  people: [
    person('leo', 'release-manager'),
    person('mira', 'release-manager'),
    person('devi', 'developer'),
  ],
});
// Of all files, stops and enrolments read these members.
const target = { policy: { approvals: { rules: [{ role: 'release-manager', count: 2 }] } } };
const files = { roster: { roster, digest: '' }, targets: new Map([['prod-eu', target]]) };
const readFiles = (): Promise<GateFiles> => Promise.resolve(files as unknown as GateFiles);

let database: TestGateDatabase;
let web: GateDatabase;
let authority: GateDatabase;
let watchdog: GateDatabase;
let deliverer: GateDatabase;
const keys = new Map<string, SoftwarePasskey>();

before(async () => {
  database = await createGateDatabase();
  web = openDatabase(database.settings('gate_web'));
  authority = openDatabase(database.settings('gate_authority'));
  watchdog = openDatabase(database.settings('gate_watchdog'));
  deliverer = openDatabase(database.settings('gate_deliverer'));
  const enrolment = createEnrolment({
    ...shared(),
    vouching: nobodyListed,
    verify: verifyRegistration,
  });
  for (const id of ['leo', 'mira']) {
    const passkey = createSoftwarePasskey(relyingParty);
    const { challenge } = await enrolment.begin(`${id}@idp.example`);
    const answer = passkey.register(challenge);
    await enrolment.finish(`${id}@idp.example`, { challenge, label: 'key', answer, vouch: null });
    keys.set(id, passkey);
  }
  await sequence();
});
after(async () => {
  for (const each of [web, authority, watchdog, deliverer]) await each.close();
  await database.dispose();
});

const shared = () => ({
  ...{ relyingParty, database: web, recorder, files: readFiles, now: () => new Date() },
  passkeys: createPasskeyStore(web),
  randomNonce: () => randomBytes(32).toString('base64url'),
});

const proofsOf = (of: GateDatabase) =>
  createLedgerProofs({ ledger: createLedgerReader(of), vkey: vkeyOf(signer.name, privateKey) });

const stopping = () =>
  createStopping({
    deliveries: createDeliveryStore(web),
    ...{ ...shared(), gate: gateOrigin, proofs: proofsOf(web), stops: createStopStore(web) },
    ...{ emergency: () => null, onPlaced: () => undefined },
    ...{ traces: createTraceStore(web), queries: createPromotionQueries(web) },
  });

const sequence = () => sequenceLedger({ sequencer: createLedgerSequencer(watchdog.pool), signer });

/** What the authority does each second, and the ledger after it. */
async function pass(): Promise<readonly string[]> {
  const proofs = proofsOf(authority);
  const lifted = await createLiftPass({
    ...{ gate: gateOrigin, files: readFiles, proofs, ledger: proofs.facts, recorder },
    ...{ passkeys: createPasskeyStore(authority), stops: createStopStore(authority) },
    ...{ transactor: authority, clock: () => new Date() },
  })();
  await sequence();
  return lifted.map(({ stop }) => stop);
}

const wish = (changes: Partial<StopWish> = {}): StopWish => ({
  ...{ kind: 'freeze', targets: ['prod-eu'], matter: null, since: null, until: null },
  ...{ except: [], reason: 'checkout is down', ...changes },
});

async function placed(changes: Partial<StopWish> = {}): Promise<string> {
  const { id } = await stopping().place('leo@idp.example', wish(changes));
  await sequence();
  return id;
}

async function sign(id: string, who: string, stopSigned = id): Promise<{ have: number }> {
  const { lifting } = stopping();
  const ceremony = await lifting.begin(`${who}@idp.example`, stopSigned);
  const key = keys.get(who);
  assert.ok(key);
  const { id: credentialId, response } = key.assert(ceremony.challenge);
  const { nonce } = ceremony;
  return await lifting.lift(`${who}@idp.example`, id, {
    nonce,
    answer: { credentialId, ...response },
  });
}

const inForce = async (): Promise<string[]> =>
  (await stopping().view()).inForce.map(({ stop }) => stop.id);

/** What the deliverer says of a delivery. */
const told = (
  type: 'delivery.intent' | 'delivery.finished',
  delivery: string,
  refs: Readonly<Record<string, string>>,
) =>
  deliverer.transaction((tx) =>
    recorder.record(tx, {
      ...{ type, at: new Date(), actor: 'deliverer', subjectDigest: 'a'.repeat(64) },
      refs: { delivery, target: 'prod-eu', state: 'indeterminate', ...refs },
    }),
  );

const asOwner = (sql: string, values: readonly unknown[] = []) => database.asOwner(sql, values);

describe('a stop', () => {
  test('counts from its row before the ledger has it', async () => {
    const { id } = await stopping().place('leo@idp.example', wish());
    assert.ok((await inForce()).includes(id));
    await sequence();
  });

  test('is lifted by two people and by no fewer, and whoever placed it may be one of them', async () => {
    const id = await placed();
    assert.equal((await sign(id, 'leo')).have, 1);
    assert.deepEqual(await pass(), []);
    assert.ok((await inForce()).includes(id));
    assert.equal((await sign(id, 'mira')).have, 2);
    assert.deepEqual(await pass(), [id]);
    assert.ok(!(await inForce()).includes(id));
    assert.deepEqual(await pass(), [], 'it is lifted once');
  });

  test('is lifted by a security key of OpenSSH as by a passkey, and by none that signed another statement', async () => {
    const id = await placed();
    const key = createSoftwareSecurityKey();
    const keysOf = createSecurityKeyEnrolment({ ...shared(), vouching: nobodyListed });
    const { challenge, text } = await keysOf.begin('leo@idp.example');
    await keysOf.finish('leo@idp.example', {
      ...{ challenge, label: 'hardware', publicKey: key.publicKey },
      signature: key.sign({ namespace: enrolmentNamespace, message: Buffer.from(text) }),
      vouch: null,
    });
    await sequence();
    const signed = async (changed: (statement: string) => string) => {
      const { lifting } = stopping();
      const { nonce, statement, credentialIds } = await lifting.begin('leo@idp.example', id);
      const message = Buffer.from(changed(statement));
      const signature = key.sign({ namespace: approvalNamespace, message });
      assert.ok(!credentialIds.includes(signingKeyOf(signature)), 'no browser is asked for it');
      return lifting.lift('leo@idp.example', id, {
        nonce,
        answer: {
          ...{ credentialId: signingKeyOf(signature), signature },
          ...{ authenticatorData: '', clientDataJSON: '' },
        },
      });
    };
    await assert.rejects(
      signed((statement) => statement.replace(id, 'stp_0000000000')),
      (error) => error instanceof DecisionError && error.code === 'passkey-refused',
    );
    assert.equal((await signed((statement) => statement)).have, 1);
    assert.deepEqual(await pass(), []);
    assert.equal((await sign(id, 'mira')).have, 2);
    assert.deepEqual(await pass(), [id]);
  });

  test('is not lifted by two signatures of one person', async () => {
    const id = await placed();
    await sign(id, 'mira');
    assert.equal((await sign(id, 'mira')).have, 1);
    assert.deepEqual(await pass(), []);
    assert.ok((await inForce()).includes(id));
  });

  test('is not lifted by what was signed for another stop, at the door and in the rows', async () => {
    const [id, other] = [await placed(), await placed({ reason: 'another one' })];
    await assert.rejects(
      sign(id, 'leo', other),
      (error) => error instanceof DecisionError && error.code === 'ceremony-expired',
    );
    await sign(other, 'leo');
    await sign(other, 'mira');
    // Whoever owns the database files both signatures under the stop that they want lifted.
    await asOwner('alter table stop_lift disable trigger stop_lift_append_only');
    await asOwner('update stop_lift set stop_id = $1 where stop_id = $2', [id, other]);
    await asOwner('alter table stop_lift enable trigger stop_lift_append_only');
    assert.deepEqual(await pass(), []);
    assert.ok((await inForce()).includes(id));
    assert.ok((await inForce()).includes(other));
  });

  test('outlives its row, without its reason, and is lifted by two all the same', async () => {
    const id = await placed();
    await asOwner('alter table stop disable trigger stop_append_only');
    await asOwner('delete from stop where id = $1', [id]);
    await asOwner('alter table stop enable trigger stop_append_only');
    const left = (await stopping().view()).inForce.find(({ stop }) => stop.id === id);
    assert.deepEqual(
      [left?.stop.kind, left?.stop.targets, left?.stop.reason],
      ['freeze', ['prod-eu'], null],
    );
    await sign(id, 'leo');
    await sign(id, 'mira');
    assert.deepEqual(await pass(), [id]);
  });

  test('is on the page of a delivery to its target that had not ended, and on no other', async () => {
    const id = await placed();
    const shownOn = async (target: string, finishedAt: Date | null): Promise<boolean> => {
      const promotion = { id: 'prm_0000000000', target, admittedAt: new Date(0) };
      const delivery = { id: 'dlv_0000000000', finishedAt };
      // Of both, what a stop is compared with.
      const shown = await stopping().onDelivery(delivery as never, promotion as never);
      return shown.some((stop) => stop.id === id);
    };
    assert.deepEqual(
      [await shownOn('prod-eu', null), await shownOn('prod-us', null)],
      [true, false],
    );
    assert.equal(await shownOn('prod-eu', new Date(0)), false);
    await placed({ kind: 'quarantine', matter: `commit:${'4f'.repeat(20)}`, reason: 'bad' });
    assert.equal(await shownOn('prod-eu', null), true, 'also where traces are asked');
  });

  test('is on the page of a delivery that it ended by what no trace has, by the deliverer’s word, and on no other', async () => {
    const id = await placed({ kind: 'quarantine', matter: 'person:mira', reason: 'phished' });
    const promotion = { id: 'prm_0000000000', target: 'prod-eu', admittedAt: new Date(0) };
    const [ended, other] = ['dlv_0000000001', 'dlv_0000000002'];
    for (const delivery of [ended, other]) {
      await told('delivery.intent', delivery, {});
      await told('delivery.finished', delivery, delivery === ended ? { stop: id } : {});
    }
    await sequence();
    const shownOn = async (delivery: string): Promise<boolean> => {
      const over = { id: delivery, finishedAt: new Date() };
      // Of both, what a stop is compared with.
      const shown = await stopping().onDelivery(over as never, promotion as never);
      return shown.some((stop) => stop.id === id);
    };
    assert.deepEqual([await shownOn(ended), await shownOn(other)], [true, false]);
  });

  test('is not ended by a row that says it was over', async () => {
    const id = await placed();
    await asOwner('alter table stop disable trigger stop_append_only');
    await asOwner("update stop set until = now() - interval '1 hour' where id = $1", [id]);
    await asOwner('alter table stop enable trigger stop_append_only');
    assert.ok((await inForce()).includes(id));
  });

  test('is placed by those with a role for it, with a reason, on targets that there are', async () => {
    const { place } = stopping();
    const refusedAs = (code: string) => (error: unknown) =>
      error instanceof DecisionError && error.code === code;
    await assert.rejects(place('devi@idp.example', wish()), refusedAs('role-missing'));
    await assert.rejects(
      place('leo@idp.example', wish({ reason: ' ' })),
      refusedAs('reason-missing'),
    );
    await assert.rejects(
      place('leo@idp.example', wish({ targets: ['prod-xx'] })),
      refusedAs('E_TARGET_UNKNOWN'),
    );
    await assert.rejects(
      place('leo@idp.example', wish({ kind: 'quarantine' })),
      refusedAs('stop-malformed'),
    );
  });
});

test('only the authority may record that a stop is lifted, and no process changes one', async () => {
  const id = await placed();
  const entry = {
    type: 'stop.lifted',
    ...{ at: new Date(), actor: 'authority', subjectDigest: 'a'.repeat(64) },
    refs: { stop: id },
  } as const;
  for (const role of ['gate_web', 'gate_intake', 'gate_deliverer', 'gate_watchdog'] as const) {
    const as = openDatabase(database.settings(role));
    await assert.rejects(
      as.transaction((tx) => recorder.record(tx, entry)),
      /may not record this entry/,
      role,
    );
    await assert.rejects(as.pool.query('delete from stop'), /permission denied|refused/, role);
    await assert.rejects(as.pool.query('update stop set until = now()'), /permission denied/, role);
    await as.close();
  }
});

test('cutting the pair keeps intake from asking, and so does the file of the emergency stop', async () => {
  const intake = openDatabase(database.settings('gate_intake'));
  const cut = (emergency: Date | null) =>
    createPairCut({
      ...{ stops: createStopStore(intake), ledger: proofsOf(intake).facts },
      ...{ clock: () => new Date(), emergency: () => emergency },
    })();
  assert.equal(await cut(null), null);
  assert.match((await cut(new Date())) ?? '', /emergency stop/);
  const id = await placed({ kind: 'cut-pair', targets: [] });
  assert.equal(await cut(null), `leo cut the pair (${id})`);
  await intake.close();
});
