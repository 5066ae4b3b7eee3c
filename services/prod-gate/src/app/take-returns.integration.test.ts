import assert from 'node:assert/strict';
import { createPublicKey, generateKeyPairSync, randomBytes } from 'node:crypto';
import { beforeEach, describe, test } from 'node:test';
import { createSoftwarePasskey, type SoftwarePasskey } from '@airlock/cli/software-passkey';
import { enrolmentDigest } from '@airlock/common/approval/count-approvals';
import {
  approvalChallenge,
  approvalStatement,
  type ApprovalDecision,
} from '@airlock/common/approval/statement';
import { formatId, type Id } from '@airlock/common/ids';
import { vkeyOf } from '@airlock/common/ledger/note';
import { admissionPolicyOf } from '@airlock/common/policy/admission-policy';
import { Roster, TargetPolicy } from '@airlock/common/policy/target-policy';
import { parsePromotionDocument, type ReturnOrder } from '@airlock/common/promotion/document';
import { importTrust } from '@airlock/common/trust/signer';
import {
  decideAdmission,
  verifyPromotionBundle,
  type AdmittedFacts,
} from '@airlock/common/verify/verify-promotion-bundle';
import { createGateDatabase, type TestGateDatabase } from '@airlock/testkit/gate-database';
import { createApprovalStore } from '../adapters/postgres/approval-store.ts';
import { createWaiverStore } from '../adapters/postgres/waiver-store.ts';
import { openDatabase, type GateDatabase } from '../adapters/postgres/client.ts';
import { createDeliveryStore } from '../adapters/postgres/delivery-store.ts';
import { createLedgerSequencer } from '../adapters/postgres/ledger-sequencer.ts';
import { createLedgerReader, recorder } from '../adapters/postgres/ledger-store.ts';
import { newsOutbox } from '../adapters/postgres/news-outbox.ts';
import { createPasskeyStore } from '../adapters/postgres/passkey-store.ts';
import { createPromotionStore } from '../adapters/postgres/promotion-store.ts';
import { createRebuildStore } from '../adapters/postgres/rebuild-store.ts';
import { createReplacedDocumentStore } from '../adapters/postgres/replaced-document-store.ts';
import { createReturnStore } from '../adapters/postgres/return-store.ts';
import { createStopStore } from '../adapters/postgres/stop-store.ts';
import { createVaultSessionStore } from '../adapters/postgres/vault-session-store.ts';
import { makeDelta, type Delta } from '../domain/delta.ts';
import { evaluatePromotion } from '../domain/verdict.ts';
import { createReturning } from './ask-return.ts';
import { documentFacts } from './verify-again.ts';
import { gatherFacts } from './gather-facts.ts';
import type { FactSources } from './fact-sources.ts';
import { makeDocument } from './make-document.ts';
import type { GateFiles } from './configuration-ports.ts';
import { createLedgerProofs } from './prove-entry.ts';
import { refreshPromotions } from './refresh-promotions.ts';
import type { ReturnOutcome } from './return-ports.ts';
import { sequenceLedger } from './sequence-ledger.ts';
import { takeReturns } from './take-returns.ts';
import { filesOf, mirrorOf, plannedVector, sha } from './vectors.fixture.ts';
import { singleFiles } from '../testing/artifact-reader.ts';

const good = plannedVector();
const now = new Date(good.now);
const origin = 'https://gate.example';
const { privateKey } = generateKeyPairSync('ed25519');
const signer = { name: 'gate.example/ledger', privateKey };
const { target } = good;

const person = (id: string, roles: string[]) => ({
  ...{ id, name: id, nameId: `${id}@idp.example`, roles, gitEmails: [`${id}@example.com`] },
});
const roster = Roster.parse({
  version: 1,
  people: [
    person('dana', ['developer']),
    person('leo', ['release-manager']),
    person('mira', ['release-manager']),
    person('nils', ['release-manager']),
  ],
});

/** One approval brings a return on, and two a promotion. */
const files = ((): GateFiles => {
  const plain = filesOf(good);
  const rollback = {
    ...{ to: 'previous', auto: 'never' },
    approvals: { role: 'release-manager', count: 1 },
  };
  const targets = [...plain.targets].map(([name, { policy, digest }]) => {
    // Durations are seconds once they are parsed.
    const { maxAge, ...admits } = policy.admits[0] ?? assert.fail('it admits something');
    const written = {
      ...policy,
      admits: [{ ...admits, maxAge: `${maxAge / 86_400}d` }],
      approvals: { ...policy.approvals, expires: '24h' },
      credentials: { vault: { ...policy.credentials.vault, ttl: '5m' } },
      deliver: { ...policy.deliver, timeout: '2m' },
      rollback,
    };
    return [name, { policy: TargetPolicy.parse(written), digest }] as const;
  });
  return { ...plain, targets: new Map(targets), roster: { roster, digest: sha('roster') } };
})();

/** What the good bundle says, verified; the earlier release. */
const earlier = ((): AdmittedFacts => {
  const policy = admissionPolicyOf(
    files.targets.get(target)?.policy ?? assert.fail('the target has a file'),
  );
  const verified = verifyPromotionBundle({
    bundle: Buffer.from(good.bundle, 'base64'),
    artifact: { bytes: Buffer.from(good.artifact, 'base64') },
    ...{ target, policies: new Map([[target, policy]]), trust: files.trust, now },
  });
  assert.ok(verified.ok);
  const decided = decideAdmission(verified.bundle, {
    policy,
    commit: good.git.commits[verified.bundle.commit] ?? null,
    state: {
      envelopes: new Set(),
      payloads: new Set(),
      invocations: new Map(),
      lastPosition: null,
    },
  });
  assert.ok(decided.ok);
  return decided.facts;
})();
const newer: AdmittedFacts = {
  ...earlier,
  ...{ release: '2026.11.21-9', commit: 'e'.repeat(40), position: earlier.position + 1 },
  ...{ artifactDigest: sha('newer'), bundleDigest: sha('newer bundle') },
  ...{ provenanceDigest: sha('newer provenance'), envelopeDigest: sha('newer envelope') },
};

const tolerated = { path: 'migrations/0002_rate.sql', answer: 'tolerates' } as const;

const commitOf = (commit: string) => ({
  ...{ commit, authorName: 'Dana', authorEmail: 'dana@example.com', subject: 'a change' },
  ...{ committerEmail: 'dana@example.com', committedAt: '2026-11-21T10:00:00Z' },
});

const deltaOf = (facts: AdmittedFacts, base: Delta['base'], migration: string | null): Delta =>
  makeDelta({
    base,
    commits: [commitOf(facts.commit)],
    files: [],
    details: {
      dependencies: { added: 0, removed: 0, changed: 0, list: [], unread: [] },
      migrations: {
        count: migration === null ? 0 : 1,
        list: migration === null ? [] : [{ path: migration, status: 'A', undo: null, warns: [] }],
      },
      owners: [],
    },
  });

let gate: TestGateDatabase;
let databases: Record<'intake' | 'web' | 'authority' | 'deliverer' | 'watchdog', GateDatabase>;

beforeEach(async () => {
  gate = await createGateDatabase();
  databases = {
    intake: openDatabase(gate.settings('gate_intake')),
    web: openDatabase(gate.settings('gate_web')),
    deliverer: openDatabase(gate.settings('gate_deliverer')),
    authority: openDatabase(gate.settings('gate_authority')),
    watchdog: openDatabase(gate.settings('gate_watchdog')),
  };
});

async function close(): Promise<void> {
  for (const database of Object.values(databases)) await database.close();
  await gate.dispose();
}

const proofsOf = (database: GateDatabase) =>
  createLedgerProofs({
    ledger: createLedgerReader(database),
    vkey: vkeyOf(signer.name, privateKey),
  });

const sequence = () =>
  sequenceLedger({ sequencer: createLedgerSequencer(databases.watchdog.pool), signer });

/** As intake leaves it. */
async function admitted(facts: AdmittedFacts, delta: Delta): Promise<Id<'prm'>> {
  const record = { id: formatId('prm', randomBytes(10)), admittedAt: now, returns: null };
  const named = documentFacts(record, facts);
  const policy = files.targets.get(target) ?? assert.fail('the target has a file');
  const made = makeDocument({
    ...{ gate: origin, facts: named, target: policy, delta, editors: null },
    ...{ rosterDigest: files.roster.digest, waiver: null },
  });
  await databases.intake.transaction(async (tx) => {
    await createPromotionStore(databases.intake).insert(tx, {
      ...{ ...named, ...record, ...made, delta, artifactSize: 5, pipeline: facts.pipeline },
      ...{ builderId: facts.builderId, keyIds: facts.keyIds, invocationId: facts.invocationId },
      ...{ builtAt: now, requesterIdp: 'https://idp.example', reason: 'for a test', reproduce: 1 },
      ...{ policyDigest: policy.digest, hook: policy.policy.deliver.hook },
      envelopeDigest: facts.envelopeDigest,
      bundle: Buffer.from(good.bundle, 'base64'),
    });
    await recorder.record(tx, {
      ...{ type: 'bundle.admitted', at: now, actor: 'intake', subjectDigest: facts.bundleDigest },
      refs: { promotion: record.id, target, commitObject: sha('commit object') },
    });
  });
  return record.id;
}

/** As deliverer and authority leave it. */
async function delivered(promotionId: string, state = 'succeeded'): Promise<Id<'dlv'>> {
  const promotion =
    (await createPromotionStore(databases.deliverer).find(promotionId)) ?? assert.fail('no row');
  const id = formatId('dlv', randomBytes(10));
  const entry = { at: now, subjectDigest: promotion.promotionDigest };
  const refs = { delivery: id, promotion: promotionId, target: promotion.target };
  await databases.deliverer.transaction(async (tx) => {
    await recorder.record(tx, {
      ...{ ...entry, type: 'delivery.intent', actor: 'deliverer' },
      refs: {
        ...{ ...refs, release: promotion.release, artifact: promotion.artifactDigest },
        ...{ commit: promotion.commit, position: String(promotion.mainPosition) },
      },
    });
  });
  await databases.authority.transaction(async (tx) => {
    await recorder.record(tx, {
      ...{ ...entry, type: 'credential.requested', actor: 'authority', refs },
    });
  });
  await databases.deliverer.transaction(async (tx) => {
    await recorder.record(tx, {
      ...{ ...entry, type: 'delivery.finished', actor: 'deliverer', refs: { ...refs, state } },
    });
  });
  await gate.asOwner('update promotion set state = $2 where id = $1', [
    ...[promotionId, state === 'succeeded' ? 'live' : state],
  ]);
  await gate.asOwner(
    `insert into delivery (id, promotion_id, target, state, step, fence, owner, heartbeat_at, intent_digest)
     values ($1, $2, $3, $4, 'finished', 1, 'x', now(), 'x')`,
    [id, promotionId, promotion.target, state],
  );
  if (state === 'succeeded') {
    await databases.deliverer.transaction((tx) =>
      createPromotionStore(databases.deliverer).setLive(tx, {
        ...{ target: promotion.target, promotionId: promotion.id, deliveryId: id, since: now },
        ...{ release: promotion.release, artifactDigest: promotion.artifactDigest },
        ...{ commit: promotion.commit, mainPosition: promotion.mainPosition },
      }),
    );
  }
  await sequence();
  return id;
}

/** The earlier release, and on top of it one with a migration, which is live. */
async function twoDelivered(): Promise<{ first: Id<'dlv'>; second: Id<'dlv'>; newerId: string }> {
  const first = await delivered(await admitted(earlier, deltaOf(earlier, null, null)));
  const base = { commit: earlier.commit, release: earlier.release };
  const newerId = await admitted(newer, deltaOf(newer, base, tolerated.path));
  return { first, second: await delivered(newerId), newerId };
}

const mirror = () => ({
  ...mirrorOf(good),
  log: ({ to }: { to: string }) => Promise.resolve(to === newer.commit ? [commitOf(to)] : []),
});

/** What intake makes of a wish that web wrote down. */
async function asked(
  delivery: string,
  given: {
    answers?: ReturnOrder['migrations'];
    who?: string;
    files?: GateFiles;
    hasArtifact?: boolean;
  } = {},
): Promise<ReturnOutcome | null> {
  const { answers = [tolerated], who = 'mira', hasArtifact = true } = given;
  const id = formatId('ret', randomBytes(10));
  const returns = createReturnStore(databases.web);
  await databases.web.transaction((tx) =>
    returns.insert(tx, {
      ...{ id, target, delivery, answers, reason: 'orders fail', person: who, askedAt: now },
    }),
  );
  await takeReturns({
    ...{ gate: origin, transactor: databases.intake, recorder, clock: () => now },
    returns: createReturnStore(databases.intake),
    promotions: createPromotionStore(databases.intake),
    proofs: proofsOf(databases.intake),
    files: () => Promise.resolve(given.files ?? files),
    artifacts: { has: () => Promise.resolve(hasArtifact) },
    ...{ contents: singleFiles, mirror, random: (bytes) => randomBytes(bytes), onTaken: () => {} },
  });
  await sequence();
  return returns.outcome(id);
}

async function taken(delivery: string): Promise<string> {
  const outcome = await asked(delivery);
  assert.ok(outcome?.state === 'taken', JSON.stringify(outcome));
  return outcome.promotionId;
}

async function refusal(...question: Parameters<typeof asked>): Promise<string> {
  const outcome = await asked(...question);
  assert.ok(outcome?.state === 'refused', JSON.stringify(outcome));
  return outcome.refusal;
}

/** What the deliverer would decide by, with its own rights on the database. */
async function codes(promotionId: string, changes: Partial<FactSources> = {}): Promise<string[]> {
  const database = databases.deliverer;
  const facts = await gatherFacts(
    {
      ...{ gate: origin, files: () => Promise.resolve(files), proofs: proofsOf(database) },
      promotions: createPromotionStore(database),
      approvals: createApprovalStore(database),
      passkeys: createPasskeyStore(database),
      deliveries: createDeliveryStore(database),
      sessions: createVaultSessionStore(database),
      rebuilds: createRebuildStore(database),
      ...{ stops: createStopStore(database), emergency: () => null },
      configuration: () => Promise.resolve(null),
      locks: () => Promise.resolve(false),
      artifacts: { has: () => Promise.resolve(true) },
      ...{ git: mirror, contents: singleFiles },
      ...changes,
    },
    { promotionId, now, own: null },
  );
  assert.ok(facts);
  const verdict = evaluatePromotion(facts);
  return verdict.allowed ? [] : verdict.reasons.map(({ code }) => code);
}

async function enrol(who: string): Promise<SoftwarePasskey> {
  const rpId = new URL(origin).hostname;
  const passkey = createSoftwarePasskey({ rpId, origin });
  const { privateKeyPem } = JSON.parse(passkey.serialize()) as { privateKeyPem: string };
  const enrolment = {
    ...{ person: who, credentialId: passkey.credentialId, rpId, origin },
    publicKeyPem: createPublicKey(privateKeyPem).export({ type: 'spki', format: 'pem' }).toString(),
  };
  const digest = enrolmentDigest(enrolment);
  await databases.web.transaction(async (tx) => {
    await createPasskeyStore(databases.web).insert(tx, {
      ...{ ...enrolment, label: 'key', cosePublicKey: Buffer.from('cose'), signCount: 0 },
      ...{ enrolledAt: now, enrolmentDigest: digest },
    });
    await recorder.record(tx, {
      ...{ type: 'passkey.enrolled', at: now, actor: `person:${who}`, subjectDigest: digest },
      refs: { person: who },
    });
  });
  await sequence();
  return passkey;
}

async function approve(
  promotionId: string,
  who: string,
  decision: ApprovalDecision = 'rollback',
): Promise<void> {
  const passkey = await enrol(who);
  const promotion =
    (await createPromotionStore(databases.web).find(promotionId)) ?? assert.fail('no row');
  const { promotionDigest } = promotion;
  const nonce = randomBytes(16).toString('base64url');
  const statement = approvalStatement({
    ...{ promotionDigest, target, approver: who, decision, nonce },
    notAfter: '2026-11-21T18:00:00Z',
  });
  const { response } = passkey.assert(approvalChallenge(statement).toString('base64url'));
  const { authenticatorData, clientDataJSON: clientDataJson, signature } = response;
  await databases.web.transaction((tx) =>
    createApprovalStore(databases.web).insert(tx, {
      ...{ id: formatId('apr', randomBytes(10)), promotionId, person: who, promotionDigest },
      ...{ decision: 'approve', note: '', createdAt: now },
      signed: {
        ...{ statement, credentialId: passkey.credentialId, authenticatorData, clientDataJson },
        ...{ signature, signCountBefore: 0, nonce },
      },
    }),
  );
}

describe('a return that somebody asked for', () => {
  test('is a promotion that one approval of a return lets pass, and none of a promotion', async (t) => {
    t.after(close);
    const { first } = await twoDelivered();
    const promotionId = await taken(first);
    const evidence = await createPromotionStore(databases.web).evidence(promotionId);
    const document = parsePromotionDocument(evidence?.document ?? assert.fail('no document'));
    assert.equal(document.return?.delivery, first);
    assert.equal(document.return.reason, 'orders fail');
    assert.deepEqual(document.return.migrations, [tolerated]);
    assert.deepEqual(document.rules, [{ role: 'release-manager', count: 1 }]);
    assert.equal(document.requester, 'mira');
    assert.deepEqual(await codes(promotionId), ['E_APPROVALS_MISSING']);

    await approve(promotionId, 'leo', 'approve');
    assert.deepEqual(await codes(promotionId), ['E_APPROVALS_MISSING'], 'of a promotion');
    await approve(promotionId, 'mira');
    assert.deepEqual(await codes(promotionId), ['E_APPROVALS_MISSING'], 'of whoever asked');
    await approve(promotionId, 'nils');
    assert.deepEqual(await codes(promotionId), []);
  });

  test('lists the commits that go away, and makes nobody their author who could not approve', async (t) => {
    t.after(close);
    const { first } = await twoDelivered();
    const made = await createPromotionStore(databases.web).find(await taken(first));
    assert.deepEqual(
      made?.delta.commits.map(({ commit }) => commit),
      [newer.commit],
    );
    assert.deepEqual(made.delta.emails, []);
    assert.equal(made.delta.base?.release, newer.release);
  });

  test('is refused where a migration since has no answer, one that cannot be, or one too many', async (t) => {
    t.after(close);
    const { first } = await twoDelivered();
    assert.match(await refusal(first, { answers: [] }), /0002_rate\.sql came with 2026\.11\.21-9/);
    const down = [{ path: tolerated.path, answer: 'down' as const }];
    assert.match(await refusal(first, { answers: down }), /has no undoing file/);
    const stranger = { path: 'migrations/9.sql', answer: 'tolerates' as const };
    assert.match(
      await refusal(first, { answers: [tolerated, stranger] }),
      /no migration that came/,
    );
    assert.match(await refusal(first, { answers: [tolerated, tolerated] }), /say once/);
  });

  test('answers for the migrations of a delivery that failed, too', async (t) => {
    t.after(close);
    const { first } = await twoDelivered();
    const third = { ...newer, release: '2026.11.21-10', bundleDigest: sha('third') };
    const base = { commit: newer.commit, release: newer.release };
    const failing = await admitted(
      { ...third, envelopeDigest: sha('third'), provenanceDigest: sha('third') },
      deltaOf(third, base, 'migrations/0003_tax.sql'),
    );
    await delivered(failing, 'failed');
    assert.match(await refusal(first), /0003_tax\.sql came with 2026\.11\.21-10/);
  });

  test('is refused to what never was live there, is live now, or is of nobody who may ask', async (t) => {
    t.after(close);
    const { first, second } = await twoDelivered();
    assert.match(await refusal('dlv_0000000000'), /never was live/);
    const failed = await admitted(
      { ...newer, bundleDigest: sha('x'), envelopeDigest: sha('x'), provenanceDigest: sha('x') },
      deltaOf(newer, null, null),
    );
    assert.match(await refusal(await delivered(failed, 'failed')), /never was live/);
    assert.match(await refusal(second), /2026\.11\.21-9 is what is live now/);
    assert.match(await refusal(first, { who: 'dana' }), /may not ask/);
  });

  test('is refused when its builder’s key is revoked since, or its artifact is gone', async (t) => {
    t.after(close);
    const { first } = await twoDelivered();
    const revoked = good.trust.map((row) => ({ ...row, revokedAt: '2026-11-21T11:59:00Z' }));
    const distrusting = { ...files, trust: importTrust(revoked) };
    assert.match(await refusal(first, { files: distrusting }), /would not be admitted now/);
    assert.match(await refusal(first, { hasArtifact: false }), /artifact .* is not in the gate/);
  });

  test('ends when something else goes live before it is decided', async (t) => {
    t.after(close);
    const { first } = await twoDelivered();
    const promotionId = await taken(first);
    const other = { ...newer, release: '2026.11.21-11', bundleDigest: sha('o') };
    await delivered(
      await admitted(
        { ...other, envelopeDigest: sha('o'), provenanceDigest: sha('o') },
        deltaOf(other, { commit: newer.commit, release: newer.release }, null),
      ),
    );
    assert.ok((await codes(promotionId)).includes('E_BASE_CHANGED'));
    await refreshPromotions({
      ...{ gate: origin, transactor: databases.intake, recorder, clock: () => now },
      promotions: createPromotionStore(databases.intake),
      replaced: createReplacedDocumentStore(databases.intake),
      waivers: createWaiverStore(databases.intake),
      files: () => Promise.resolve(files),
      ...{
        git: mirror,
        contents: singleFiles,
        ledger: proofsOf(databases.intake).facts,
        news: newsOutbox,
      },
      onChange: () => {},
    });
    const ended = await createPromotionStore(databases.web).find(promotionId);
    assert.equal(ended?.state, 'superseded');
  });
});

describe('whoever writes to the database', () => {
  test('makes no promotion along main of a return that was approved', async (t) => {
    t.after(close);
    const { first } = await twoDelivered();
    const promotionId = await taken(first);
    await approve(promotionId, 'nils');
    await gate.asOwner('drop index promotion_envelope_target, promotion_bundle_target');
    await gate.asOwner('update promotion set returns = null where id = $1', [promotionId]);
    const asPromotion = await codes(promotionId);
    assert.ok(asPromotion.includes('E_DOCUMENT_DIFFERS'), asPromotion.join());
    assert.ok(asPromotion.includes('E_ROLLBACK_UNAPPROVED'), asPromotion.join());
    assert.ok(asPromotion.includes('E_APPROVALS_MISSING'), asPromotion.join());
  });

  test('answers no migration for the people who approved', async (t) => {
    t.after(close);
    const { first } = await twoDelivered();
    const promotionId = await taken(first);
    await approve(promotionId, 'nils');
    assert.deepEqual(await codes(promotionId), []);
    await gate.asOwner(
      `update promotion set returns = jsonb_set(returns, '{migrations}', '[]') where id = $1`,
      [promotionId],
    );
    const changed = await codes(promotionId);
    assert.ok(changed.includes('E_RETURN_UNPROVEN'), changed.join());
    assert.ok(changed.includes('E_ROLLBACK_UNAPPROVED'), changed.join());
    assert.ok(changed.includes('E_DOCUMENT_DIFFERS'), changed.join());
  });

  test('hides no migration by changing what came with a delivery since', async (t) => {
    t.after(close);
    const { first, newerId } = await twoDelivered();
    const promotionId = await taken(first);
    await approve(promotionId, 'nils');
    await gate.asOwner(
      `update promotion set delta = jsonb_set(delta, '{details,migrations}', '{"count":0,"list":[]}') where id = $1`,
      [newerId],
    );
    const changed = await codes(promotionId);
    assert.ok(changed.includes('E_RETURN_UNPROVEN'), changed.join());
    assert.match(await refusal(first), /not on record as the ledger has it/);
  });
});

test('a wish that cannot be read is refused and keeps none behind it waiting', async (t) => {
  t.after(close);
  const { first } = await twoDelivered();
  await gate.asOwner(
    `insert into return_request (id, target, delivery_id, answers, reason, person, asked_at)
     values ($1, $2, $3, '[{"path": 1}]', 'orders fail', 'mira', $4)`,
    [formatId('ret', randomBytes(10)), target, first, new Date(now.getTime() - 60_000)],
  );
  await taken(first);
  const rows = await gate.asOwner('select refusal from return_request where refusal is not null');
  assert.deepEqual(
    rows.map(({ refusal: why }) => why),
    ['its answers cannot be read; ask once more'],
  );
});

test('asking at the page says at once what cannot be returned to, and lists what can', async (t) => {
  t.after(close);
  const { first } = await twoDelivered();
  const proofs = proofsOf(databases.web);
  const returning = createReturning({
    ...{ database: databases.web, promotions: createPromotionStore(databases.web), proofs },
    ...{ returns: createReturnStore(databases.web), ledger: proofs.facts, now: () => now },
    files: () => Promise.resolve(files),
    newReturnId: () => formatId('ret', randomBytes(10)),
    pause: () => Promise.resolve(),
  });
  const list = await returning.earlier(target);
  assert.equal(list.live?.release, newer.release);
  assert.deepEqual(
    list.earlier.map(({ deliveryId }) => deliveryId),
    [first],
  );
  const ask = (to: string, answers: ReturnOrder['migrations'], who = 'mira', reason = 'it fails') =>
    returning.ask(`${who}@idp.example`, target, { to, answers, reason });
  await assert.rejects(ask('2026.01.01-1', []), { code: 'return-refused' });
  await assert.rejects(ask(newer.release, []), { code: 'return-refused' });
  await assert.rejects(ask(first, []), { code: 'return-refused', message: /0002_rate\.sql/ });
  await assert.rejects(ask(first, [tolerated], 'dana'), { code: 'role-missing' });
  await assert.rejects(ask(first, [tolerated], 'mira', ' '), { code: 'reason-missing' });
  await assert.rejects(ask(first, [tolerated], 'nobody'), { code: 'person-unknown' });
  const { outcome } = await ask(earlier.release, [tolerated]);
  assert.equal(outcome.state, 'asked', 'intake is not there in this test');
});
