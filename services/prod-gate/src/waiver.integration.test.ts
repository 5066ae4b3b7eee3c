/** A promotion by break-glass on a real Postgres, with the gate's own migrations, grants, ledger and passkeys: from the wish to the freeze. */
import { createSoftwarePasskey, type SoftwarePasskey } from '@airlock/cli/software-passkey';
import { formatId } from '@airlock/common/ids';
import type { LedgerEntry } from '@airlock/common/ledger/entry';
import { vkeyOf } from '@airlock/common/ledger/note';
import { Roster, type TargetPolicy } from '@airlock/common/policy/target-policy';
import type { WaiverKind } from '@airlock/common/promotion/waiver';
import { parsePromotionDocument } from '@airlock/common/promotion/document';
import { nobodyListed } from './testing/nobody-listed.ts';
import { createGateDatabase, type TestGateDatabase } from '@airlock/testkit/gate-database';
import assert from 'node:assert/strict';
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { after, before, beforeEach, describe, test } from 'node:test';
import { createApprovalStore } from './adapters/postgres/approval-store.ts';
import { createWaiverStore } from './adapters/postgres/waiver-store.ts';
import { openDatabase, type GateDatabase } from './adapters/postgres/client.ts';
import { createCoSignatureStore } from './adapters/postgres/co-signature-store.ts';
import { createConfigurationStore } from './adapters/postgres/configuration-store.ts';
import { createDeliveryStore } from './adapters/postgres/delivery-store.ts';
import { createIntakeStore } from './adapters/postgres/intake-store.ts';
import { createLedgerSequencer } from './adapters/postgres/ledger-sequencer.ts';
import { createLedgerReader, recorder } from './adapters/postgres/ledger-store.ts';
import { newsOutbox } from './adapters/postgres/news-outbox.ts';
import { createPasskeyStore } from './adapters/postgres/passkey-store.ts';
import { createPromotionStore } from './adapters/postgres/promotion-store.ts';
import { createRebuildStore } from './adapters/postgres/rebuild-store.ts';
import { createReplacedDocumentStore } from './adapters/postgres/replaced-document-store.ts';
import { createStopStore } from './adapters/postgres/stop-store.ts';
import { createVaultSessionStore } from './adapters/postgres/vault-session-store.ts';
import { verifyRegistration } from './adapters/webauthn/registration.ts';
import { acceptBundle } from './app/accept-bundle.ts';
import { createDecisions } from './app/approve-promotion.ts';
import { DecisionError, type DecisionErrorCode } from './app/decision-error.ts';
import { createEnrolment } from './app/enrol-passkey.ts';
import { createFreezePass } from './app/freeze-unreviewed.ts';
import { gatherFacts } from './app/gather-facts.ts';
import type { FactSources } from './app/fact-sources.ts';
import type { GateFiles } from './app/configuration-ports.ts';
import { createConfigurationProof } from './app/prove-configuration.ts';
import { createLedgerProofs } from './app/prove-entry.ts';
import { recordedFiles } from './app/record-configuration.ts';
import { refreshPromotions } from './app/refresh-promotions.ts';
import { createReviewPass } from './app/review-waiver.ts';
import { sequenceLedger } from './app/sequence-ledger.ts';
import { filesOf, itemOf, mirrorOf, plannedVector, sha } from './app/vectors.fixture.ts';
import { createWaivers } from './waiver-keeping.ts';
import { freezeFor, useOfEntry, useRefs } from './domain/waiver.ts';
import { evaluatePromotion } from './domain/verdict.ts';
import { singleFiles } from './testing/artifact-reader.ts';

const good = plannedVector();
const now = new Date(good.now);
const gateOrigin = 'https://gate.example';
const relyingParty = { rpId: 'gate.example', origin: gateOrigin };
const { privateKey } = generateKeyPairSync('ed25519');
const signer = { name: 'gate.example/ledger', privateKey };
const why = 'Checkout is down and nobody else is awake.';

const person = (id: string, role: string) => ({
  ...{ id, name: id, nameId: `${id}@idp.example`, roles: [role] },
  gitEmails: [`${id}@example.com`],
});
const roster = Roster.parse({
  version: 1,
  people: [
    person('dana', 'developer'),
    person('leo', 'release-manager'),
    person('mira', 'release-manager'),
    person('sam', 'security'),
    person('pat', 'platform'),
  ],
});
const deciders = ['leo', 'mira', 'sam', 'pat'];

const vectorFiles = filesOf(good);
const ordinary = [...vectorFiles.targets.values()][0]?.policy;
assert.ok(ordinary);
/** Two release managers in their window, which is closed today; or one, and two others within a day. */
const policy: TargetPolicy = {
  ...ordinary,
  windows: {
    allow: [],
    deny: [{ name: 'quiet', start: '2026-11-01', end: '2026-11-30', tz: 'UTC' }],
    override: { role: 'security', count: 1, reason: 'required', review: 3600 },
  },
  breakGlass: {
    approvals: [{ role: 'release-manager', count: 1 }],
    review: { count: 2, within: 86_400 },
  },
};
const closedWindows = policy.windows ?? assert.fail('the windows are closed');
const filesWith = (given: TargetPolicy, digest: string): GateFiles => ({
  ...vectorFiles,
  targets: new Map([[given.target, { policy: given, digest: sha(digest) }]]),
  roster: { roster, digest: sha('roster') },
});
let files = filesWith(policy, 'with break-glass');
const readFiles = (): Promise<GateFiles> => Promise.resolve(files);

let gate: TestGateDatabase;
let databases: Record<'intake' | 'web' | 'authority' | 'deliverer' | 'watchdog', GateDatabase>;
const keys = new Map<string, SoftwarePasskey>();
let promotionId: string;

before(async () => {
  gate = await createGateDatabase();
  databases = {
    intake: openDatabase(gate.settings('gate_intake')),
    web: openDatabase(gate.settings('gate_web')),
    deliverer: openDatabase(gate.settings('gate_deliverer')),
    authority: openDatabase(gate.settings('gate_authority')),
    watchdog: openDatabase(gate.settings('gate_watchdog')),
  };
  const enrolment = createEnrolment({
    ...shared(),
    vouching: nobodyListed,
    verify: verifyRegistration,
  });
  for (const id of deciders) {
    const passkey = createSoftwarePasskey(relyingParty);
    const { challenge } = await enrolment.begin(`${id}@idp.example`);
    const answer = passkey.register(challenge);
    await enrolment.finish(`${id}@idp.example`, { challenge, label: 'key', answer, vouch: null });
    keys.set(id, passkey);
  }
  await sequence();
});
after(async () => {
  for (const database of Object.values(databases)) await database.close();
  await gate.dispose();
});

const sequence = () =>
  sequenceLedger({ sequencer: createLedgerSequencer(databases.watchdog.pool), signer });

const proofsOf = (of: GateDatabase) =>
  createLedgerProofs({ ledger: createLedgerReader(of), vkey: vkeyOf(signer.name, privateKey) });

const shared = () => ({
  ...{ relyingParty, database: databases.web, recorder, files: readFiles, now: () => now },
  passkeys: createPasskeyStore(databases.web),
  randomNonce: () => randomBytes(32).toString('base64url'),
});

const waivers = (at = now) =>
  createWaivers({
    ...{ ...shared(), gate: gateOrigin, now: () => at, proofs: proofsOf(databases.web) },
    promotions: createPromotionStore(databases.web),
  });

beforeEach(async () => {
  files = filesWith(policy, 'with break-glass');
  await gate.asOwner(
    'truncate outbox_cursor, intake_item, promotion, approval, delivery, stop cascade',
  );
  const intake = createIntakeStore(databases.intake);
  await intake.polled('nonprod', { head: 1, at: now });
  const { facts } = proofsOf(databases.intake);
  const acceptance = await acceptBundle(
    {
      ...{ gate: gateOrigin, source: 'nonprod', transactor: databases.intake, intake, recorder },
      promotions: createPromotionStore(databases.intake),
      files: recordedFiles({
        ...{ files: readFiles, transactor: databases.intake, recorder, clock: () => now },
        configurations: createConfigurationStore(databases.intake),
        onChange: () => {},
      }),
      outbox: { blob: () => Promise.resolve(chunks(Buffer.from(good.bundle, 'base64'))) },
      artifacts: {
        put: (_source, { expected }) => Promise.resolve({ digest: expected ?? '', size: 100 }),
        has: () => Promise.resolve(false),
        openVerified: () => Promise.reject(new Error('nothing is kept')),
        remove: () => Promise.resolve(),
      },
      inspect: () => Promise.resolve(null),
      contents: singleFiles,
      room: () => Promise.resolve({ bytes: 1_000_000, bound: 'enough' }),
      mirror: () => mirrorOf(good),
      maxArtifactBytes: 1_000_000,
      clock: () => now,
      random: (count) => randomBytes(count),
      ledger: facts,
    },
    itemOf(good, { seq: 1, prevHash: '0'.repeat(64) }),
  );
  assert.equal(acceptance.outcome, 'admitted');
  promotionId = acceptance.promotionId;
  await sequence();
});

async function* chunks(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield await Promise.resolve(bytes);
}

/** What intake does each second. */
async function renewed(): Promise<void> {
  const database = databases.intake;
  await refreshPromotions({
    ...{ gate: gateOrigin, transactor: database, recorder, files: readFiles },
    promotions: createPromotionStore(database),
    replaced: createReplacedDocumentStore(database),
    waivers: createWaiverStore(database),
    ...{ git: () => mirrorOf(good), contents: singleFiles },
    ...{ ledger: proofsOf(database).facts, news: newsOutbox },
    ...{ onChange: () => undefined, clock: () => now },
  });
  await sequence();
}

/** The authority's own facts. */
async function facts(overrides: Partial<FactSources> = {}) {
  const database = databases.authority;
  const proofs = proofsOf(database);
  const found = await gatherFacts(
    {
      ...{ gate: gateOrigin, files: readFiles, proofs },
      promotions: createPromotionStore(database),
      approvals: createApprovalStore(database),
      passkeys: createPasskeyStore(database),
      deliveries: createDeliveryStore(database),
      sessions: createVaultSessionStore(database),
      rebuilds: createRebuildStore(database),
      ...{ stops: createStopStore(database), emergency: () => null },
      locks: () => Promise.resolve(false),
      configuration: createConfigurationProof(proofs),
      artifacts: { has: () => Promise.resolve(true) },
      ...{ git: () => mirrorOf(good), contents: singleFiles },
      ...overrides,
    },
    { promotionId, now, own: null },
  );
  assert.ok(found);
  return found;
}

async function codes(overrides: Partial<FactSources> = {}): Promise<string[]> {
  const verdict = evaluatePromotion(await facts(overrides));
  return verdict.allowed ? [] : verdict.reasons.map(({ code }) => code);
}

async function approve(who: string): Promise<void> {
  const decisions = createDecisions({
    ...shared(),
    promotions: createPromotionStore(databases.web),
    approvals: createApprovalStore(databases.web),
    replaced: createReplacedDocumentStore(databases.web),
    ringDeliverer: () => undefined,
    newApprovalId: () => formatId('apr', randomBytes(10)),
  });
  const { challenge, nonce } = await decisions.beginApproval(`${who}@idp.example`, promotionId);
  await decisions.approve(`${who}@idp.example`, promotionId, {
    ...{ nonce, note: '', answer: answerOf(who, challenge) },
  });
  await sequence();
}

function answerOf(who: string, challenge: string) {
  const key = keys.get(who);
  assert.ok(key);
  const { id: credentialId, response } = key.assert(challenge);
  return { credentialId, ...response };
}

async function asked(who = 'leo', kind: WaiverKind = 'break-glass'): Promise<void> {
  await waivers().asking.ask(`${who}@idp.example`, promotionId, { kind, justification: why });
  await renewed();
}

const refusedAs = (code: DecisionErrorCode) => (error: unknown) =>
  error instanceof DecisionError && error.code === code;

describe('break-glass', () => {
  test('passes with the approvals that the target file asks for it, outside the windows', async () => {
    assert.deepEqual(await codes(), ['E_WINDOW_CLOSED', 'E_APPROVALS_MISSING']);
    await asked('leo');
    assert.deepEqual(await codes(), ['E_APPROVALS_MISSING']);
    await approve('mira');
    assert.deepEqual(await codes(), []);
    const { waiver, approvals } = await facts();
    assert.deepEqual(waiver, { kind: 'break-glass', person: 'leo', justification: why });
    assert.deepEqual(approvals.counting, ['mira']);
  });

  test('whoever asked may be the one who approves it: others look at it afterwards', async () => {
    await asked('leo');
    await approve('leo');
    assert.deepEqual(await codes(), []);
    assert.deepEqual((await facts()).approvals.counting, ['leo']);
  });

  test('answers nothing else: what is stopped, frozen or gone stays so', async () => {
    await asked('leo');
    await approve('mira');
    assert.deepEqual(await codes(), []);
    assert.deepEqual(await codes({ artifacts: { has: () => Promise.resolve(false) } }), [
      'E_ARTIFACT_MISSING',
    ]);
    assert.deepEqual(await codes({ emergency: () => now }), ['E_EMERGENCY_STOP']);
    const head = '7fd1a60b01f91b314f59955a4e4d4e80d8edf11d';
    const unsigned = {
      ...mirrorOf(good, head),
      signature: () => Promise.resolve({ signed: false, reason: 'is unsigned' } as const),
    };
    assert.deepEqual(await codes({ git: () => unsigned }), ['E_BUNDLE_REFUSED']);
  });

  test('an approval given before does not carry it, and one given for it carries nothing else', async () => {
    await approve('mira');
    await asked('mira');
    assert.deepEqual(await codes(), ['E_APPROVALS_MISSING']);
    await approve('leo');
    assert.deepEqual(await codes(), []);
    await waivers().asking.withdraw('mira@idp.example', promotionId, 'break-glass');
    await renewed();
    // What mira had approved is the same document again, and hers alone is not two.
    assert.deepEqual(await codes(), ['E_WINDOW_CLOSED', 'E_APPROVALS_MISSING']);
    assert.deepEqual((await facts()).approvals.counting, ['mira']);
  });

  test('a justification that somebody edits in the database voids the approval of it', async () => {
    await asked('leo');
    await approve('mira');
    assert.deepEqual(await codes(), []);
    await gate.asOwner('alter table waiver_act disable trigger waiver_act_append_only');
    await gate.asOwner("update waiver_act set justification = 'all is well, trust me on it'");
    await gate.asOwner('alter table waiver_act enable trigger waiver_act_append_only');
    await renewed();
    assert.deepEqual(await codes(), ['E_APPROVALS_MISSING']);
  });

  test('a document that breaks the glass by itself is not the one that was approved', async () => {
    await approve('leo');
    const [row] = await gate.asOwner('select document from promotion where id = $1', [promotionId]);
    assert.ok(row !== undefined && row['document'] instanceof Uint8Array);
    const text = Buffer.from(row['document']).toString('utf8');
    const forged = text.replace(
      '"delta":',
      `"breakGlass":{"person":"leo","justification":"${why}"},"delta":`,
    );
    assert.ok(parsePromotionDocument(Buffer.from(forged)).breakGlass);
    await gate.asOwner('update promotion set document = $1 where id = $2', [
      Buffer.from(forged),
      promotionId,
    ]);
    assert.ok((await codes()).includes('E_DOCUMENT_DIFFERS'));
  });

  test('where the target file opens none, nobody is let ask and no document may say so', async () => {
    await asked('leo');
    await approve('mira');
    assert.deepEqual(await codes(), []);
    files = filesWith({ ...policy, breakGlass: undefined }, 'without break-glass');
    assert.deepEqual(await codes(), [
      'E_POLICY_CHANGED',
      'E_DOCUMENT_DIFFERS',
      'E_WINDOW_CLOSED',
      'E_APPROVALS_MISSING',
    ]);
    await assert.rejects(asked(), refusedAs('waiver-closed'));
  });

  test('whose way the target file has closed since is taken back by who asked, and by nobody else', async () => {
    await approve('leo');
    await approve('mira');
    await asked('leo');
    files = filesWith({ ...policy, breakGlass: undefined }, 'without break-glass');
    const { asking } = waivers();
    await assert.rejects(
      asking.withdraw('mira@idp.example', promotionId, 'break-glass'),
      refusedAs('waiver-closed'),
    );
    await asking.withdraw('leo@idp.example', promotionId, 'break-glass');
    await renewed();
    assert.equal((await facts()).waiver, null);
    assert.ok(!(await codes()).includes('E_DOCUMENT_DIFFERS'), 'it is an ordinary one again');
  });

  test('is asked by those who may approve it, with a sentence', async () => {
    const { asking } = waivers();
    await assert.rejects(
      asking.ask('dana@idp.example', promotionId, { kind: 'break-glass', justification: why }),
      refusedAs('role-missing'),
    );
    await assert.rejects(
      asking.ask('leo@idp.example', promotionId, {
        kind: 'break-glass',
        justification: 'because       because'.slice(0, 19),
      }),
      refusedAs('reason-missing'),
    );
    await assert.rejects(
      asking.withdraw('leo@idp.example', promotionId, 'break-glass'),
      refusedAs('nothing-to-withdraw'),
    );
  });
});

describe('an override of the windows', () => {
  test('passes with the approvals of the rules and its own beside them, and with neither alone', async () => {
    await asked('leo', 'override');
    assert.deepEqual(await codes(), ['E_APPROVALS_MISSING']);
    await approve('sam');
    assert.deepEqual(await codes(), ['E_APPROVALS_MISSING'], 'its own alone');
    await approve('mira');
    assert.deepEqual(await codes(), ['E_APPROVALS_MISSING'], 'one of the two of the rules');
    await approve('leo');
    assert.deepEqual(await codes(), []);
    const { waiver, approvals } = await facts();
    assert.deepEqual(waiver, { kind: 'override', person: 'leo', justification: why });
    assert.deepEqual([approvals.have, approvals.need], [3, 3]);
  });

  test('answers nothing but the windows', async () => {
    await asked('leo', 'override');
    for (const who of ['leo', 'mira', 'sam']) await approve(who);
    assert.deepEqual(await codes({ emergency: () => now }), ['E_EMERGENCY_STOP']);
    assert.deepEqual(await codes({ artifacts: { has: () => Promise.resolve(false) } }), [
      'E_ARTIFACT_MISSING',
    ]);
  });

  test('is not carried by ordinary approvals, nor by those of break-glass, and carries neither', async () => {
    await approve('leo');
    await approve('mira');
    assert.deepEqual(await codes(), ['E_WINDOW_CLOSED']);
    await asked('leo', 'override');
    await approve('sam');
    assert.deepEqual((await facts()).approvals.counting, ['sam']);
    await waivers().asking.withdraw('leo@idp.example', promotionId, 'override');
    await renewed();
    assert.deepEqual((await facts()).approvals.counting.toSorted(), ['leo', 'mira']);
    assert.deepEqual(await codes(), ['E_WINDOW_CLOSED']);
    await asked('leo', 'break-glass');
    assert.deepEqual((await facts()).approvals.counting, []);
    await approve('mira');
    assert.deepEqual(await codes(), []);
    await waivers().asking.withdraw('leo@idp.example', promotionId, 'break-glass');
    await asked('leo', 'override');
    assert.deepEqual((await facts()).approvals.counting, ['sam'], 'not the one of break-glass');
  });

  test('is asked for beside no break-glass, and not while the windows are open', async () => {
    await asked('leo', 'break-glass');
    await assert.rejects(asked('leo', 'override'), refusedAs('waiver-asked'));
    await assert.rejects(
      waivers().asking.withdraw('leo@idp.example', promotionId, 'override'),
      refusedAs('nothing-to-withdraw'),
    );
    await assert.rejects(asked('dana', 'override'), refusedAs('role-missing'));
    files = filesWith({ ...policy, windows: { ...closedWindows, deny: [] } }, 'open windows');
    await assert.rejects(asked('leo', 'override'), refusedAs('waiver-not-needed'));
    files = filesWith({ ...policy, windows: undefined }, 'no windows');
    await assert.rejects(asked('leo', 'override'), refusedAs('waiver-closed'));
  });

  test('is not asked for on a return that waits for no window', async () => {
    const returns = {
      ...{
        delivery: formatId('dlv', randomBytes(10)),
        promotion: formatId('prm', randomBytes(10)),
      },
      ...{ reason: 'It fails.', migrations: [] },
    };
    await gate.asOwner('update promotion set returns = $1::jsonb where id = $2', [
      JSON.stringify(returns),
      promotionId,
    ]);
    const ask = (skipWindow: boolean): Promise<void> => {
      files = filesWith(
        { ...policy, rollback: { to: 'previous', auto: 'never', skipWindow } },
        'with returns',
      );
      const given = { kind: 'override', justification: why } as const;
      return waivers().asking.ask('leo@idp.example', promotionId, given);
    };
    await assert.rejects(ask(true), refusedAs('waiver-not-needed'));
    await ask(false);
  });

  test('that web forges in the database, or whose reason changes after signing, delivers nothing', async () => {
    await approve('leo');
    await approve('mira');
    const forge = `insert into waiver_act (promotion_id, kind, act, person, justification, at)
      values ('${promotionId}', 'override', 'ask', 'mira', '${why}', now())`;
    await databases.web.pool.query(forge);
    for (const process of ['intake', 'authority', 'deliverer', 'watchdog'] as const) {
      await assert.rejects(databases[process].pool.query(forge), /permission denied/, process);
    }
    assert.deepEqual(await codes(), ['E_WINDOW_CLOSED'], 'a row is no document');
    await renewed();
    assert.deepEqual(await codes(), ['E_APPROVALS_MISSING'], 'of which nobody has approved');
    for (const who of ['leo', 'mira', 'sam']) await approve(who);
    assert.deepEqual(await codes(), []);
    await gate.asOwner('alter table waiver_act disable trigger waiver_act_append_only');
    await gate.asOwner("update waiver_act set justification = 'all is well, trust me on it'");
    await gate.asOwner('alter table waiver_act enable trigger waiver_act_append_only');
    await renewed();
    assert.deepEqual(await codes(), ['E_APPROVALS_MISSING']);
    assert.deepEqual((await facts()).approvals.counting, []);
  });

  test('a document that overrides by itself is not the one that was approved', async () => {
    await approve('leo');
    await approve('mira');
    const [row] = await gate.asOwner('select document from promotion where id = $1', [promotionId]);
    assert.ok(row !== undefined && row['document'] instanceof Uint8Array);
    const member = `"override":{"person":"leo","justification":"${why}"},"delta":`;
    const forged = Buffer.from(
      Buffer.from(row['document']).toString('utf8').replace('"delta":', member),
    );
    assert.ok(parsePromotionDocument(forged).override);
    await gate.asOwner('update promotion set document = $1 where id = $2', [forged, promotionId]);
    assert.ok((await codes()).includes('E_DOCUMENT_DIFFERS'));
    const both = `"breakGlass":{"person":"leo","justification":"${why}"},${member}`;
    const text = Buffer.from(row['document']).toString('utf8').replace('"delta":', both);
    assert.throws(() => parsePromotionDocument(Buffer.from(text)), /one of them/);
  });

  test('owes a look of two who took no part, or the target is frozen; one of break-glass is another', async () => {
    const id = await used(now, 'override');
    await assert.rejects(review(id, 'leo'), refusedAs('involved-never-counts'));
    await databases.authority.transaction((tx) =>
      recorder.record(tx, {
        ...{ type: 'break-glass.reviewed', at: now, actor: 'authority' },
        ...{ subjectDigest: sha('document'), refs: { delivery: id, people: 'mira sam' } },
      }),
    );
    await sequence();
    assert.equal((await useOf(id))?.use.reviewed, null, 'a review of the other kind');
    assert.ok((await watchdogPass(later)).includes(id));
    assert.ok((await codes()).includes('E_STOPPED'));
    for (const who of ['mira', 'sam']) await review(id, who);
    assert.deepEqual(await authorityPass(), [id]);
    assert.deepEqual((await useOf(id))?.use.reviewed?.people, ['mira', 'sam']);
  });
});

/** As the authority records it with the login. */
async function used(at = now, kind: WaiverKind = 'break-glass'): Promise<string> {
  const deliveryId = formatId('dlv', randomBytes(10));
  await databases.authority.transaction((tx) =>
    recorder.record(tx, {
      ...{ type: `${kind}.used`, at, actor: 'authority', subjectDigest: sha('document') },
      refs: useRefs({
        ...{ deliveryId, promotionId, target: policy.target, release: '1', at, asker: 'leo' },
        ...{ approvers: ['leo'], starter: null, review: { count: 2, within: 3600 } },
      }),
    }),
  );
  await sequence();
  return deliveryId;
}

async function review(deliveryId: string, who: string): Promise<{ have: number }> {
  const { reviewing } = waivers();
  const { challenge, nonce } = await reviewing.begin(`${who}@idp.example`, deliveryId);
  const answer = answerOf(who, challenge);
  return reviewing.sign(`${who}@idp.example`, deliveryId, { nonce, answer });
}

async function authorityPass(): Promise<readonly string[]> {
  const database = databases.authority;
  const proofs = proofsOf(database);
  const done = await createReviewPass({
    ...{ gate: gateOrigin, files: readFiles, proofs, ledger: proofs.facts, recorder },
    ...{ passkeys: createPasskeyStore(database), signatures: createCoSignatureStore(database) },
    ...{ transactor: database, clock: () => now },
  })();
  await sequence();
  return done.map(({ delivery }) => delivery);
}

async function watchdogPass(at: Date): Promise<readonly string[]> {
  const database = databases.watchdog;
  const done = await createFreezePass({
    ...{ ledger: proofsOf(database).facts, stops: createStopStore(database), recorder },
    ...{ transactor: database, clock: () => at },
  })();
  await sequence();
  return done.map(({ delivery }) => delivery);
}

const useOf = async (deliveryId: string) =>
  (await waivers().view()).find(({ use }) => use.deliveryId === deliveryId);
const later = new Date(now.getTime() + 3_600_000);

describe('the review that is owed', () => {
  test('is made by two others, and by none who took part', async () => {
    const id = await used();
    await assert.rejects(review(id, 'leo'), refusedAs('involved-never-counts'));
    await assert.rejects(review(id, 'dana'), refusedAs('role-missing'));
    assert.equal((await review(id, 'mira')).have, 1);
    assert.equal((await review(id, 'mira')).have, 1);
    assert.deepEqual(await authorityPass(), []);
    assert.equal((await review(id, 'sam')).have, 2);
    assert.deepEqual(await authorityPass(), [id]);
    assert.deepEqual((await useOf(id))?.use.reviewed?.people, ['mira', 'sam']);
    await assert.rejects(review(id, 'pat'), refusedAs('review-over'));
    assert.ok(!(await watchdogPass(later)).includes(id), 'a review in time freezes nothing');
  });

  test('is not made by signatures for another delivery, or by a row that names somebody', async () => {
    const [id, other] = [await used(), await used()];
    for (const who of ['mira', 'sam']) await review(other, who);
    await gate.asOwner('alter table co_signature disable trigger co_signature_append_only');
    await gate.asOwner('update co_signature set subject_id = $1', [id]);
    assert.deepEqual(await authorityPass(), []);
    // Whose row it says it is does not matter.
    await gate.asOwner("update co_signature set subject_id = $1, person = 'pat'", [other]);
    assert.deepEqual(await authorityPass(), [other]);
    assert.deepEqual((await useOf(other))?.use.reviewed?.people, ['mira', 'sam']);
    await gate.asOwner('alter table co_signature enable trigger co_signature_append_only');
  });

  test('that is not made in time freezes the target, once, until two people lift it', async () => {
    const id = await used();
    const inTime = new Date(later.getTime() - 1);
    assert.ok(!(await watchdogPass(inTime)).includes(id));
    assert.ok((await watchdogPass(later)).includes(id));
    assert.ok(!(await watchdogPass(later)).includes(id), 'once');
    const stops = (await proofsOf(databases.authority).facts()).stops();
    const shown = await useOf(id);
    assert.ok(shown);
    const freeze = stops.find((stop) => stop.id === freezeFor(shown.use).id);
    assert.deepEqual(
      [freeze?.kind, freeze?.targets, freeze?.until],
      ['freeze', [policy.target], null],
    );
    assert.ok((await codes()).includes('E_STOPPED'));
  });

  test('whoever places a milder stop of the same id first spares the target nothing', async () => {
    const id = await used();
    const shown = await useOf(id);
    assert.ok(shown);
    const { id: stop } = freezeFor(shown.use);
    await databases.web.transaction((tx) =>
      recorder.record(tx, {
        ...{ type: 'stop.placed', at: now, actor: 'watchdog', subjectDigest: sha('milder') },
        refs: { stop, kind: 'freeze', targets: 'prod-xx', person: 'watchdog' },
      }),
    );
    await gate.asOwner(
      `insert into stop (id, digest, kind, targets, except_for, reason, person, until, placed_at)
       values ($1, $2, 'freeze', '{prod-xx}', '{}', 'milder', 'watchdog', now(), now())`,
      [stop, sha('milder')],
    );
    await sequence();
    assert.ok((await watchdogPass(later)).includes(id));
    const stops = (await proofsOf(databases.authority).facts()).stops();
    assert.deepEqual(stops.find((each) => each.id === stop)?.targets, [policy.target]);
  });

  test('only the authority may record that the glass was broken or looked at, only the watchdog that nobody did', async () => {
    const entry = (type: LedgerEntry['type']) => ({
      ...{ type, at: now, actor: 'authority', subjectDigest: sha('document'), refs: {} },
    });
    const may = {
      'break-glass.used': 'authority',
      'break-glass.reviewed': 'authority',
      'break-glass.unreviewed': 'watchdog',
      'override.used': 'authority',
      'override.reviewed': 'authority',
      'override.unreviewed': 'watchdog',
    } as const;
    for (const [type, only] of Object.entries(may)) {
      for (const [process, database] of Object.entries(databases)) {
        if (process === only) continue;
        await assert.rejects(
          // The keys above are types of entries.
          database.transaction((tx) => recorder.record(tx, entry(type as LedgerEntry['type']))),
          /may not record this entry/,
          `${process} ${type}`,
        );
      }
    }
  });
});

test('what an entry says of a use is read back whole, and half of one is nothing', () => {
  const refs = useRefs({
    ...{ deliveryId: 'dlv_1', promotionId: 'prm_1', target: 'eu', release: '1', at: now },
    ...{ asker: 'leo', approvers: ['mira', 'leo'], starter: null },
    review: { count: 2, within: 60 },
  });
  const entry: LedgerEntry = {
    ...{ v: 1, type: 'break-glass.used', at: now.toISOString(), actor: 'authority' },
    ...{ subjectDigest: sha('document'), refs },
  };
  const use = useOfEntry(entry);
  assert.deepEqual(use?.involved, ['leo', 'mira']);
  assert.equal(use.reviewBy.getTime(), now.getTime() + 60_000);
  for (const name of [
    'delivery',
    'promotion',
    'target',
    'release',
    'asker',
    'reviews',
    'reviewBy',
  ]) {
    const rest = Object.fromEntries(Object.entries(refs).filter(([each]) => each !== name));
    assert.equal(useOfEntry({ ...entry, refs: rest }), null, name);
  }
});
