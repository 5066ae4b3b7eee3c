import type { TargetPolicy } from '@airlock/common/policy/target-policy';
import { enrolmentDigest } from '@airlock/common/approval/count-approvals';
import assert from 'node:assert/strict';
import { createPublicKey, generateKeyPairSync, randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { after, before, beforeEach, describe, test } from 'node:test';
import { createSoftwarePasskey, type SoftwarePasskey } from '@airlock/cli/software-passkey';
import { approvalChallenge, approvalStatement } from '@airlock/common/approval/statement';
import { intotoPayloadType } from '@airlock/common/constants';
import { parseEnvelope } from '@airlock/common/dsse/envelope';
import { signEnvelope } from '@airlock/common/dsse/sign';
import { formatId } from '@airlock/common/ids';
import { vkeyOf } from '@airlock/common/ledger/note';
import { Roster } from '@airlock/common/policy/target-policy';
import { importTrust, keyIdOf } from '@airlock/common/trust/signer';
import { createGateDatabase, type TestGateDatabase } from '@airlock/testkit/gate-database';
import { createApprovalStore } from '../adapters/postgres/approval-store.ts';
import { openDatabase, type GateDatabase } from '../adapters/postgres/client.ts';
import { createConfigurationStore } from '../adapters/postgres/configuration-store.ts';
import { createDeliveryStore } from '../adapters/postgres/delivery-store.ts';
import { createIntakeStore } from '../adapters/postgres/intake-store.ts';
import { createLedgerSequencer } from '../adapters/postgres/ledger-sequencer.ts';
import { createLedgerReader, recorder } from '../adapters/postgres/ledger-store.ts';
import { createPasskeyStore } from '../adapters/postgres/passkey-store.ts';
import { createReplacedDocumentStore } from '../adapters/postgres/replaced-document-store.ts';
import { createPromotionStore } from '../adapters/postgres/promotion-store.ts';
import { createRebuildStore } from '../adapters/postgres/rebuild-store.ts';
import { createShadowStore } from '../adapters/postgres/shadow-store.ts';
import { createStopStore } from '../adapters/postgres/stop-store.ts';
import { createVaultSessionStore } from '../adapters/postgres/vault-session-store.ts';
import { contractCode, evaluatePromotion } from '../domain/verdict.ts';
import { createStarting } from '../start-keeping.ts';
import { acceptBundle } from './accept-bundle.ts';
import { DecisionError, type DecisionErrorCode } from './decision-error.ts';
import { followLedger } from './follow-ledger.ts';
import { createAnnouncer } from './announce-delivery.ts';
import { gatherFacts } from './gather-facts.ts';
import type { FactSources } from './fact-sources.ts';
import { createShadowNotes } from './note-shadow.ts';
import type { GateFiles } from './configuration-ports.ts';
import { createConfigurationProof } from './prove-configuration.ts';
import { createLedgerFold } from '../domain/ledger-facts.ts';
import { stopDigest, type Stop } from '../domain/stop.ts';
import { createLedgerProofs } from './prove-entry.ts';
import { recordedFiles } from './record-configuration.ts';
import { sequenceLedger } from './sequence-ledger.ts';
import { createStopWatch } from './watch-stops.ts';
import { filesOf, itemOf, mirrorOf, plannedVector, sha } from './vectors.fixture.ts';
import type { ArtifactReader } from './read-artifact-delta.ts';
import { ArtifactError } from '@airlock/artifacts/spool';
import { singleFiles } from '../testing/artifact-reader.ts';

const good = plannedVector();
const now = new Date(good.now);
const gateOrigin = 'https://gate.example';
const { privateKey } = generateKeyPairSync('ed25519');
const signer = { name: 'gate.example/ledger', privateKey };

const roster = Roster.parse({
  version: 1,
  people: [
    person('dana', ['developer']),
    person('leo', ['release-manager']),
    person('mira', ['release-manager']),
    person('nils', ['release-manager']),
  ],
});

function person(id: string, roles: string[]) {
  const name = id.charAt(0).toUpperCase() + id.slice(1);
  return { id, name, nameId: `${id}@idp.example`, roles, gitEmails: [`${id}@example.com`] };
}

let gate: TestGateDatabase;
let databases: Record<'intake' | 'web' | 'authority' | 'deliverer' | 'watchdog', GateDatabase>;

before(async () => {
  gate = await createGateDatabase();
  databases = {
    intake: openDatabase(gate.settings('gate_intake')),
    web: openDatabase(gate.settings('gate_web')),
    deliverer: openDatabase(gate.settings('gate_deliverer')),
    authority: openDatabase(gate.settings('gate_authority')),
    watchdog: openDatabase(gate.settings('gate_watchdog')),
  };
});
after(async () => {
  for (const database of Object.values(databases)) await database.close();
  await gate.dispose();
});

let files: GateFiles = {
  ...filesOf(good),
  roster: { roster, digest: sha('roster') },
};

let promotionId: string;

beforeEach(async () => {
  await gate.asOwner(
    'truncate outbox_cursor, intake_item, promotion, rebuild, approval, passkey, target_live, delivery, vault_session, repository_freeze cascade',
  );
  const intake = createIntakeStore(databases.intake);
  await intake.polled('nonprod', { head: 1, at: now });
  const artifact = Buffer.from(good.artifact, 'base64');
  const acceptance = await acceptBundle(
    {
      gate: gateOrigin,
      source: 'nonprod',
      transactor: databases.intake,
      intake,
      promotions: createPromotionStore(databases.intake),
      recorder,
      files: recordedFiles({
        files: () => Promise.resolve(files),
        transactor: databases.intake,
        configurations: createConfigurationStore(databases.intake),
        recorder,
        onChange: () => {},
        clock: () => now,
      }),
      outbox: { blob: () => Promise.resolve(chunks(Buffer.from(good.bundle, 'base64'))) },
      artifacts: {
        put: (_source, { expected }) =>
          Promise.resolve({ digest: expected ?? '', size: artifact.length }),
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
      ledger: followLedger({
        ledger: createLedgerReader(databases.intake),
        vkey: vkeyOf(signer.name, privateKey),
      }),
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

async function sequence(): Promise<void> {
  await sequenceLedger({ sequencer: createLedgerSequencer(databases.watchdog.pool), signer });
}

/** What the watchdog does meanwhile. */
async function sequencedWhile(doing: Promise<void>): Promise<void> {
  const going = new Set([doing]);
  const settled = doing.finally(() => {
    going.clear();
  });
  while (going.size > 0) await Promise.all([sequence(), sleep(5)]);
  await settled;
}

/** What the deliverer would decide by, with its own rights on the database. */
function sources(overrides: Partial<FactSources> = {}): FactSources {
  const database = databases.deliverer;
  const proofs = createLedgerProofs({
    ledger: createLedgerReader(database),
    vkey: vkeyOf(signer.name, privateKey),
  });
  return {
    gate: gateOrigin,
    files: () => Promise.resolve(files),
    promotions: createPromotionStore(database),
    approvals: createApprovalStore(database),
    passkeys: createPasskeyStore(database),
    deliveries: createDeliveryStore(database),
    sessions: createVaultSessionStore(database),
    rebuilds: createRebuildStore(database),
    ...{ stops: createStopStore(database), emergency: () => null },
    locks: () => Promise.resolve(false),
    proofs,
    configuration: createConfigurationProof(proofs),
    artifacts: { has: () => Promise.resolve(true) },
    ...{ git: () => mirrorOf(good), contents: singleFiles },
    ...overrides,
  };
}

async function codes(overrides: Partial<FactSources> = {}, at = now): Promise<string[]> {
  const facts = await gatherFacts(sources(overrides), { promotionId, now: at, own: null });
  assert.ok(facts);
  const verdict = evaluatePromotion(facts);
  return verdict.allowed ? [] : verdict.reasons.map((reason) => reason.code);
}

async function enrol(
  who: string,
  options: { recorded?: boolean; origin?: string; at?: Date; said?: string } = {},
): Promise<SoftwarePasskey> {
  const { recorded = true, origin = gateOrigin, at = now, said = who } = options;
  const passkey = createSoftwarePasskey({ rpId: new URL(origin).hostname, origin });
  const { privateKeyPem } = JSON.parse(passkey.serialize()) as { privateKeyPem: string };
  const enrolment = {
    person: who,
    credentialId: passkey.credentialId,
    publicKeyPem: createPublicKey(privateKeyPem).export({ type: 'spki', format: 'pem' }).toString(),
    rpId: new URL(origin).hostname,
    origin,
  };
  const digest = enrolmentDigest(enrolment);
  await databases.web.transaction(async (tx) => {
    await createPasskeyStore(databases.web).insert(tx, {
      ...enrolment,
      label: 'key',
      cosePublicKey: Buffer.from('cose'),
      signCount: 0,
      enrolledAt: at,
      enrolmentDigest: digest,
    });
    if (!recorded) return;
    await recorder.record(tx, {
      type: 'passkey.enrolled',
      at,
      actor: `person:${who}`,
      subjectDigest: digest,
      refs: { person: said },
    });
  });
  await sequence();
  return passkey;
}

async function approve(who: string, passkey: SoftwarePasskey): Promise<void> {
  const promotion = await createPromotionStore(databases.web).find(promotionId);
  assert.ok(promotion);
  const nonce = randomBytes(16).toString('base64url');
  const statement = approvalStatement({
    promotionDigest: promotion.promotionDigest,
    target: promotion.target,
    approver: who,
    decision: 'approve',
    nonce,
    notAfter: '2026-11-21T18:00:00Z',
  });
  const { response } = passkey.assert(approvalChallenge(statement).toString('base64url'));
  await databases.web.transaction((tx) =>
    createApprovalStore(databases.web).insert(tx, {
      id: formatId('apr', randomBytes(10)),
      promotionId,
      person: who,
      decision: 'approve',
      note: '',
      promotionDigest: promotion.promotionDigest,
      signed: {
        statement,
        credentialId: passkey.credentialId,
        authenticatorData: response.authenticatorData,
        clientDataJson: response.clientDataJSON,
        signature: response.signature,
        signCountBefore: 0,
        nonce,
      },
      createdAt: now,
    }),
  );
}

async function approvedByTwo(): Promise<void> {
  for (const who of ['leo', 'mira']) await approve(who, await enrol(who));
}

test('a bundle, two signatures by enrolled passkeys and a signed ledger are all it takes', async () => {
  assert.deepEqual(await codes(), ['E_APPROVALS_MISSING']);
  await approvedByTwo();
  assert.deepEqual(await codes(), []);
});

const day = 24 * 3_600_000;

/** As so much later, when what has come into the ledger since is of later, too. The ledger outlives a test, so that each passkey but the first ones is a further one. */
function laterBy(ms: number): Partial<FactSources> {
  const { proofs } = sources();
  const facts = async (): ReturnType<typeof proofs.facts> => {
    const known = await proofs.facts();
    const enrolment: typeof known.enrolment = (digest) => {
      const found = known.enrolment(digest);
      return found === null
        ? null
        : { ...found, countsFrom: new Date(found.countsFrom.getTime() - ms) };
    };
    return { ...known, enrolment };
  };
  return { proofs: { ...proofs, facts } };
}

test('where the roster lists passkeys, one that web enrolled by itself approves nothing', async () => {
  await approvedByTwo();
  const { rows } = await databases.web.pool.query<{ digest: string }>(
    "select enrolment_digest as digest from passkey where person = 'leo'",
  );
  const listing = (passkeys: string[]): Partial<FactSources> => {
    const people = roster.people.map((one) => (one.id === 'leo' ? { ...one, passkeys } : one));
    return {
      ...laterBy(day),
      files: () =>
        Promise.resolve({ ...files, roster: { ...files.roster, roster: { ...roster, people } } }),
    };
  };
  assert.deepEqual(await codes(listing(rows.map(({ digest }) => digest))), []);
  assert.deepEqual(await codes(listing([sha('his own key')])), ['E_APPROVALS_MISSING']);
  assert.deepEqual(await codes(listing([])), ['E_APPROVALS_MISSING']);
});

describe('where the roster lists passkeys, a further one', () => {
  /** All that the gate has enrolled are in the roster, as if two administrators had been talked into it. */
  async function listed(later: number): Promise<Partial<FactSources>> {
    const { rows } = await databases.web.pool.query<{ digest: string }>(
      'select enrolment_digest as digest from passkey',
    );
    const passkeys = rows.map(({ digest }) => digest);
    const people = roster.people.map((one) => ({ ...one, passkeys }));
    return {
      ...laterBy(later),
      files: () =>
        Promise.resolve({ ...files, roster: { ...files.roster, roster: { ...roster, people } } }),
    };
  }

  test('counts when its first day is over and not a second before, of which is told by name', async () => {
    await approve('leo', await enrol('leo'));
    await enrol('mira');
    await approve('mira', await enrol('mira'));
    assert.deepEqual(await codes(await listed(day)), []);
    const early = await listed(day - 1000);
    assert.deepEqual(await codes(early), ['E_APPROVALS_MISSING']);
    const facts = await gatherFacts(sources(early), { promotionId, now, own: null });
    const reasons = facts?.approvals.discounted.map((one) => one.code);
    assert.ok(reasons?.includes('E_APPROVAL_CRED_WAITS'), JSON.stringify(reasons));
  });

  test('that web dates back begins its day when it came', async () => {
    await approve('leo', await enrol('leo'));
    await enrol('mira');
    await approve('mira', await enrol('mira', { at: new Date(now.getTime() - 30 * day) }));
    const early = sources(await listed(day - 1000));
    const facts = await gatherFacts(early, { promotionId, now, own: null });
    const ofMira = facts?.approvals.discounted.filter(({ person }) => person === 'mira');
    assert.deepEqual(
      ofMira?.map(({ code }) => code),
      ['E_APPROVAL_CRED_WAITS'],
    );
  });

  test('that was recorded under another name, to be the first one of nobody, counts for nothing', async () => {
    await approve('leo', await enrol('leo'));
    await enrol('mira');
    await approve('mira', await enrol('mira', { said: 'somebody' }));
    assert.deepEqual(await codes(await listed(day)), ['E_APPROVALS_MISSING']);
  });

  test('that somebody withdrew counts for nothing, though its row be whole', async () => {
    await approve('leo', await enrol('leo'));
    const passkey = await enrol('mira');
    await approve('mira', passkey);
    assert.deepEqual(await codes(await listed(day)), []);
    const kept = await createPasskeyStore(databases.web).find(passkey.credentialId);
    await databases.web.transaction((tx) =>
      recorder.record(tx, {
        ...{ type: 'passkey.withdrawn', at: now, actor: 'person:leo', refs: { person: 'mira' } },
        subjectDigest: kept?.enrolmentDigest ?? '',
      }),
    );
    await sequence();
    assert.equal(kept?.revokedAt, null);
    assert.deepEqual(await codes(await listed(day)), ['E_APPROVALS_MISSING']);
  });
});

describe('a row is not evidence', () => {
  test('a passkey row that the ledger does not know approves nothing', async () => {
    await approve('leo', await enrol('leo'));
    await approve('mira', await enrol('mira', { recorded: false }));
    assert.deepEqual(await codes(), ['E_APPROVALS_MISSING']);
  });

  test('a passkey row whose key was exchanged approves nothing', async () => {
    await approvedByTwo();
    const other = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey;
    await gate.asOwner("update passkey set public_key_pem = $1 where person = 'leo'", [
      other.export({ type: 'spki', format: 'pem' }),
    ]);
    assert.deepEqual(await codes(), ['E_APPROVALS_MISSING']);
  });

  test('a passkey of another origin approves nothing', async () => {
    await approve('leo', await enrol('leo'));
    await approve('mira', await enrol('mira', { origin: 'https://nonprod.example' }));
    assert.deepEqual(await codes(), ['E_APPROVALS_MISSING']);
  });

  test('a junk row that names a passkey and a huge counter takes nothing from the genuine approval', async () => {
    await approvedByTwo();
    await gate.asOwner(
      `insert into approval (id, promotion_id, person, decision, promotion_digest, statement, credential_id,
         authenticator_data, client_data_json, signature, sign_count_before, nonce)
       select 'apr_0000000000', promotion_id, person, decision, promotion_digest, 'junk', credential_id, 'AA', 'AA', 'AA', 4000000000, 'junk'
       from approval where person = 'leo'`,
    );
    assert.deepEqual(await codes(), []);
  });

  test('an approval row that was pointed at this promotion approves nothing', async () => {
    await approvedByTwo();
    await gate.asOwner(
      `update approval set statement = convert_to(replace(convert_from(statement, 'UTF8'), 'prod-eu', 'prod-us'), 'UTF8')
       where person = 'leo'`,
    );
    assert.deepEqual(await codes(), ['E_APPROVALS_MISSING']);
  });

  test('an approval row without its signature approves nothing', async () => {
    await gate.asOwner(
      `insert into approval (id, promotion_id, person, decision, promotion_digest, statement, credential_id, signature, nonce)
       select 'apr_000000000' || n, $1, p, 'reject', 'd', null, null, null, null from unnest(array['leo', 'mira']) with ordinality as t (p, n)`,
      [promotionId],
    );
    await gate.asOwner('alter table approval drop constraint approval_check');
    await gate.asOwner("update approval set decision = 'approve'");
    assert.deepEqual(await codes(), ['E_APPROVALS_MISSING']);
  });

  test('a bundle, document, commit or change list that was edited in its row is seen', async () => {
    await approvedByTwo();
    const edits: [string, RegExp][] = [
      ["update promotion set bundle = bundle || 'x'", /E_BUNDLE_REFUSED/],
      ["update promotion set artifact_digest = repeat('a', 64)", /E_BUNDLE_REFUSED/],
      ["update promotion set commit = repeat('a', 40), release = 'other'", /^E_DOCUMENT_DIFFERS$/],
      ["update promotion set hook = 'other@sha256:' || repeat('a', 64)", /^E_DOCUMENT_DIFFERS$/],
      ["update promotion set expires_at = '2030-01-01'", /^E_DOCUMENT_DIFFERS$/],
      ["update promotion set admitted_at = '2020-01-01'", /E_LEDGER_UNAVAILABLE/],
      ["update promotion set document = document || ' '", /malformed|E_NOT_CANONICAL/],
    ];
    for (const [sql, expected] of edits) {
      const [before] = await gate.asOwner(
        'select bundle, artifact_digest, commit, release, document, hook, expires_at, admitted_at from promotion',
      );
      await gate.asOwner(sql);
      const found = await codes().catch((error: unknown) => [
        error instanceof Error && 'code' in error ? String(error.code) : 'thrown',
      ]);
      assert.match(found.join(), expected, sql);
      await gate.asOwner(
        `update promotion set bundle = $1, artifact_digest = $2, commit = $3, release = $4, document = $5, hook = $6,
           expires_at = $7, admitted_at = $8`,
        Object.values(before ?? {}),
      );
    }
    assert.deepEqual(await codes(), []);
  });

  test('a document that was exchanged with its digest voids the approvals, and differs from the bundle', async () => {
    await approvedByTwo();
    const [row] = await gate.asOwner('select document from promotion');
    const forged = Buffer.from(String(row?.['document']).replace('2026.11.21-3', '2026.11.21-4'));
    await gate.asOwner('update promotion set document = $1, promotion_digest = $2', [
      forged,
      sha(forged),
    ]);
    assert.deepEqual(await codes(), ['E_DOCUMENT_DIFFERS', 'E_APPROVALS_MISSING']);
  });
});

describe('builders', () => {
  const builderId = 'https://audit.example/rebuilder@v1';
  const audit = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const target = files.targets.get(good.target);
  assert.ok(target);

  /** The gate's files with this many builders demanded of the target, and a rebuilder pinned. */
  function demanding(threshold: number, of: readonly string[] = [builderId]): Partial<FactSources> {
    assert.ok(target);
    const [admits] = target.policy.admits;
    assert.ok(admits);
    const builders = { ...admits.builders, threshold, of: [...of] };
    const policy = { ...target.policy, admits: [{ ...admits, builders }] };
    const trust = importTrust([
      ...good.trust.map((row) => ({ ...row, adminDomain: 'ci' })),
      {
        keyid: keyIdOf(audit.publicKey),
        publicKeyPem: audit.publicKey.export({ type: 'spki', format: 'pem' }).toString(),
        ...{ alg: 'ecdsa-p256-sha256', roles: ['provenance'], builderIds: [builderId] },
        ...{ notBefore: '2020-01-01T00:00:00Z', notAfter: '2100-01-01T00:00:00Z' },
        adminDomain: 'audit',
      },
    ]);
    const targets = new Map([[good.target, { ...target, policy }]]);
    return { files: () => Promise.resolve({ ...files, targets, trust }) };
  }

  /** The provenance that an honest rebuilder signs of the promotion's commit. */
  function rebuilt(): Buffer {
    const provenance = parseEnvelope(
      Buffer.from(Buffer.from(good.bundle, 'base64').toString().split('\n')[0] ?? ''),
      intotoPayloadType,
    ).payload.toString();
    const mainBuilder = target?.policy.admits[0]?.builders.id ?? '';
    const statement = Buffer.from(provenance.replace(mainBuilder, builderId));
    const key = { keyid: keyIdOf(audit.publicKey), privateKey: audit.privateKey };
    return Buffer.from(signEnvelope(intotoPayloadType, statement, [key]));
  }

  async function keep(envelope: Buffer, recorded: boolean): Promise<void> {
    const promotion = await createPromotionStore(databases.web).find(promotionId);
    assert.ok(promotion);
    await databases.web.transaction(async (tx) => {
      await createRebuildStore(databases.web).insert(tx, {
        ...{ promotionId, builderId, envelope, difference: null, receivedAt: now },
        ...{ subjectDigest: promotion.artifactDigest, keyId: keyIdOf(audit.publicKey) },
      });
      if (!recorded) return;
      await recorder.record(tx, {
        ...{ type: 'rebuild.attested', at: now, actor: 'web', subjectDigest: sha(envelope) },
        refs: { promotion: promotionId, builder: builderId, outcome: 'agrees' },
      });
    });
  }

  test('a second builder counts once the signed ledger has what it said, and by the ledger’s time', async () => {
    await approvedByTwo();
    assert.deepEqual(await codes(demanding(2)), ['E_REBUILD_MISSING']);
    await keep(rebuilt(), true);
    assert.deepEqual(await codes(demanding(2)), ['E_REBUILD_MISSING'], 'not sequenced yet');
    await sequence();
    assert.deepEqual(await codes(demanding(2)), []);
    await gate.asOwner('alter table rebuild disable trigger all');
    await gate.asOwner(`update rebuild set received_at = received_at - interval '1 year'`);
    await gate.asOwner('alter table rebuild enable trigger all');
    assert.deepEqual(await codes(demanding(2)), ['E_REBUILD_MISSING'], 'another time');
  });

  test('a delivery rests on the key and the id of whoever built it again, and on neither while one builder is enough', async () => {
    const audited = [`builder:${builderId}`, `key:${keyIdOf(audit.publicKey)}`];
    await keep(rebuilt(), true);
    await sequence();
    const found = async (overrides: Partial<FactSources>) => {
      const facts = await gatherFacts(sources(overrides), { promotionId, now, own: null });
      return audited.map((matter) => facts?.restsOn.includes(matter));
    };
    assert.deepEqual(await found(demanding(2)), [true, true]);
    assert.deepEqual(await found({}), [false, false]);
  });

  test('a row that no ledger knows is no builder', async () => {
    await approvedByTwo();
    await keep(rebuilt(), false);
    await sequence();
    assert.deepEqual(await codes(demanding(2)), ['E_REBUILD_MISSING']);
  });

  test('the release file at the commit raises what is asked for, whatever the row says, and never lowers it', async () => {
    await approvedByTwo();
    const release = (await mirrorOf(good).readBlob('', '.airlock/release.yaml'))?.toString() ?? '';
    const wishing = (builders: string): Partial<FactSources> => ({
      git: () => ({
        ...mirrorOf(good),
        readBlob: async (commit: string, path: string) =>
          path === '.airlock/release.yaml'
            ? Buffer.from(release.replace('}', `, reproduce: ${builders} }`))
            : mirrorOf(good).readBlob(commit, path),
      }),
    });
    assert.deepEqual(await codes(wishing('1')), []);
    assert.deepEqual(await codes(wishing('2')), ['E_REBUILD_MISSING']);
    assert.deepEqual(await codes({ ...demanding(2), ...wishing('1') }), ['E_REBUILD_MISSING']);
    await gate.asOwner('update promotion set reproduce = 2');
    assert.deepEqual(await codes(wishing('1')), [], 'a row alone asks for nothing');
    assert.deepEqual(await codes({ git: null }), ['E_REBUILD_MISSING'], 'pages show the row');
  });
});

describe('people', () => {
  test('an author in the changes does not count, whatever the row of changes says', async () => {
    const authors = {
      ...mirrorOf(good),
      log: async () =>
        (await mirrorOf(good).log({ from: null, to: 'c'.repeat(40), limit: 1 })).map((commit) => ({
          ...commit,
          committerEmail: 'leo@example.com',
        })),
    };
    await approvedByTwo();
    const found = await codes({ git: () => authors });
    assert.deepEqual(found, ['E_DOCUMENT_DIFFERS', 'E_APPROVALS_MISSING']);
  });

  test('somebody who lost the role does not count any more', async () => {
    await approvedByTwo();
    const people = roster.people.map((one) => (one.id === 'leo' ? { ...one, roles: [] } : one));
    const changed = { ...files, roster: { roster: { ...roster, people }, digest: sha('later') } };
    assert.deepEqual(await codes({ files: () => Promise.resolve(changed) }), [
      'E_ROSTER_CHANGED',
      'E_APPROVALS_MISSING',
    ]);
  });

  test('an address that nobody owns holds everything', async () => {
    await approvedByTwo();
    const people = roster.people.map((one) => ({ ...one, gitEmails: [] }));
    const changed = { ...files, roster: { roster: { ...roster, people }, digest: sha('roster') } };
    assert.deepEqual(await codes({ files: () => Promise.resolve(changed) }), ['E_AUTHOR_UNMAPPED']);
  });

  test('an approval that ran out does not count', async () => {
    await approvedByTwo();
    assert.deepEqual(await codes({}, new Date('2026-11-21T18:00:01Z')), ['E_APPROVALS_MISSING']);
  });
});

describe('rules and windows of the target file', () => {
  const underPolicy = (changes: (policy: TargetPolicy) => Partial<TargetPolicy>) => {
    const target = files.targets.get('prod-eu');
    assert.ok(target);
    const policy = { ...target.policy, ...changes(target.policy) };
    const targets = new Map([['prod-eu', { ...target, policy }]]);
    return { files: () => Promise.resolve({ ...files, targets }) };
  };
  const withRule = (when: string) =>
    underPolicy(({ approvals }) => ({
      approvals: {
        ...approvals,
        rules: [...approvals.rules, { role: 'security', count: 1, when }],
      },
    }));

  test('a rule whose condition holds, or may hold, asks for its people and is missed in the document', async () => {
    await approvedByTwo();
    const asked = ['E_DOCUMENT_DIFFERS', 'E_APPROVALS_MISSING'];
    assert.deepEqual(await codes(withRule('delta.commits > 0')), asked);
    // Before the first delivery no package can be called new.
    assert.deepEqual(await codes(withRule('delta.newDependencies > 0')), asked);
    assert.deepEqual(await codes(withRule('delta.commits > 1000000')), []);
  });

  test('policy editors who are excluded must be known, and approvals of a document without them do not start it', async () => {
    await approvedByTwo();
    const found = await codes(
      underPolicy(({ approvals }) => ({
        approvals: { ...approvals, exclude: [...approvals.exclude, 'policyEditors'] },
      })),
    );
    assert.ok(found.includes('E_EDITORS_CHANGED'), found.join());
  });

  test('outside its windows nothing starts, and within them it does', async () => {
    await approvedByTwo();
    const during = (start: string, end: string) =>
      codes(
        underPolicy(() => ({
          windows: { allow: [], deny: [{ name: 'year-end', start, end, tz: 'UTC' }] },
        })),
      );
    assert.deepEqual(await during('2020-01-01', '2099-12-31'), ['E_WINDOW_CLOSED']);
    assert.deepEqual(await during('2020-01-01', '2020-12-31'), []);
  });

  test('rules on trial judge the same signatures and are noted once; nothing is held or started by them', async () => {
    const notes = createShadowStore(databases.deliverer);
    const faults: unknown[] = [];
    const note = createShadowNotes({ store: notes, onFault: (_id, cause) => faults.push(cause) });
    const onTrial = underPolicy(({ approvals }) => ({
      shadow: { approvals: { ...approvals, rules: [{ role: 'release-manager', count: 1 }] } },
    }));
    const look = async (overrides: Partial<FactSources>) => {
      const facts = await gatherFacts(sources(overrides), { promotionId, now, own: null });
      assert.ok(facts);
      await note(facts);
      return createShadowStore(databases.web).onTarget('prod-eu', 10);
    };
    await approve('leo', await enrol('leo'));
    assert.ok((await codes(onTrial)).includes('E_APPROVALS_MISSING'));
    const [passing, ...none] = await look(onTrial);
    assert.deepEqual([passing?.outcome, none], ['would-pass', []]);
    assert.match(passing?.reasons.join() ?? '', /approv/i);

    await approve('mira', await enrol('mira'));
    const never = {
      allow: [],
      deny: [{ name: 'year-end', start: '2020-01-01', end: '2099-12-31', tz: 'UTC' }],
    };
    const closed = underPolicy(({ approvals }) => ({ shadow: { approvals, windows: never } }));
    assert.deepEqual(await codes(closed), []);
    await look(closed);
    const both = await look(closed);
    assert.deepEqual(both.map(({ outcome }) => outcome).toSorted(), ['would-hold', 'would-pass']);
    assert.deepEqual(faults, []);
    await assert.rejects(
      createShadowStore(databases.web).note(
        { id: promotionId, release: '1', target: 'prod-eu' },
        { outcome: 'would-hold', policyDigest: 'a'.repeat(64), reasons: [] },
        now,
      ),
      /permission denied/,
    );
  });

  test('where somebody has to start it, nothing begins before that, and a withdrawal takes the start back', async () => {
    const manual = underPolicy(({ deliver }) => ({ deliver: { ...deliver, start: 'manual' } }));
    const promotion = await createPromotionStore(databases.web).find(promotionId);
    assert.ok(promotion);
    const { promotionDigest } = promotion;
    let rung = 0;
    const ask = createStarting({
      views: {
        ...sources(manual),
        promotions: createPromotionStore(databases.web),
        replaced: createReplacedDocumentStore(databases.web),
      },
      ...{ database: databases.web, now: () => now, ringDeliverer: () => (rung += 1) },
    });
    /** Whoever starts waits until the watchdog has published it. */
    const started = (who: string): Promise<void> =>
      sequencedWhile(ask(`${who}@idp.example`, promotionId, { promotionDigest }));
    const refused = (code: DecisionErrorCode, words: RegExp) => (error: unknown) =>
      error instanceof DecisionError && error.code === code && words.test(error.message);
    await assert.rejects(
      ask('mira@idp.example', promotionId, { promotionDigest }),
      refused('start-not-due', /It cannot start yet\. 0 of 2 approvals are there/),
    );
    await approvedByTwo();
    assert.deepEqual(await codes(manual), ['E_START_AWAITED']);
    await assert.rejects(
      ask('dana@idp.example', promotionId, { promotionDigest }),
      refused('role-missing', /takes the role release-manager/),
    );
    await assert.rejects(
      ask('mira@idp.example', promotionId, { promotionDigest: 'f'.repeat(64) }),
      refused('promotion-changed', /load it again/),
    );
    assert.equal(rung, 0);
    await started('mira');
    assert.equal(rung, 1);
    assert.deepEqual(await codes(manual), []);
    await assert.rejects(
      ask('mira@idp.example', promotionId, { promotionDigest }),
      refused('start-not-due', /starts by itself/),
    );
    const [entry] = await gate.asOwner(
      "select convert_from(body, 'UTF8') as body from ledger_entry order by idx desc limit 1",
    );
    assert.match(String(entry?.['body']), /"type":"delivery.asked".*"actor":"person:mira"/);

    const [approval] = await createApprovalStore(databases.web).of(promotionId);
    assert.ok(approval);
    await databases.web.transaction((tx) =>
      createApprovalStore(databases.web).withdraw(tx, {
        ...{ approvalId: approval.id, promotionId, person: approval.person, reason: '', at: now },
      }),
    );
    assert.deepEqual(await codes(manual), ['E_APPROVALS_MISSING', 'E_START_AWAITED']);
  });

  test('a start is what the ledger has published of web: what waits to be published, or another process says, starts nothing', async () => {
    const manual = underPolicy(({ deliver }) => ({ deliver: { ...deliver, start: 'manual' } }));
    const promotion = await createPromotionStore(databases.web).find(promotionId);
    assert.ok(promotion);
    await approvedByTwo();
    await sequence();
    const said = {
      type: 'delivery.asked',
      ...{ at: now, actor: 'person:mira', refs: { seen: '999' } },
      subjectDigest: promotion.promotionDigest,
    } as const;
    for (const process of ['intake', 'authority', 'deliverer', 'watchdog'] as const) {
      const saying = databases[process].transaction((tx) => recorder.record(tx, said));
      await assert.rejects(saying, /may not record|permission denied/, process);
    }
    await databases.web.transaction((tx) => recorder.record(tx, said));
    assert.deepEqual(await codes(manual), ['E_START_AWAITED']);
    await sequence();
    assert.deepEqual(await codes(manual), []);
  });

  test('a start that was given before a stop does not begin by itself when that is lifted', async () => {
    const manual = underPolicy(({ deliver }) => ({ deliver: { ...deliver, start: 'manual' } }));
    const promotion = await createPromotionStore(databases.web).find(promotionId);
    assert.ok(promotion);
    await approvedByTwo();
    const say = async (
      entry: Parameters<typeof recorder.record>[1],
      by: 'web' | 'authority' = 'web',
    ): Promise<void> => {
      await databases[by].transaction((tx) => recorder.record(tx, entry));
      await sequence();
    };
    const start = async (): Promise<void> => {
      const seen = String((await sources().proofs.facts()).through());
      await say({
        ...{ type: 'delivery.asked', at: now, actor: 'person:mira', refs: { seen } },
        subjectDigest: promotion.promotionDigest,
      });
    };
    await start();
    assert.deepEqual(await codes(manual), []);
    const subjectDigest = sha('a stop');
    const refs = { stop: 'stp_00000000s1', kind: 'freeze', person: 'leo', targets: 'prod-eu' };
    await say({ type: 'stop.placed', at: now, actor: 'person:leo', subjectDigest, refs });
    assert.deepEqual(await codes(manual), ['E_STOPPED', 'E_START_AWAITED']);
    await say(
      { type: 'stop.lifted', at: now, actor: 'authority', subjectDigest, refs },
      'authority',
    );
    assert.deepEqual(await codes(manual), ['E_START_AWAITED']);
    await start();
    assert.deepEqual(await codes(manual), []);
  });

  test('where every release is delivered, what is earlier on main comes first', async () => {
    const all = underPolicy(() => ({ concurrency: { limit: 1, queue: 'all' } }));
    const promotion = await createPromotionStore(databases.web).find(promotionId);
    assert.ok(promotion);
    const earlier = { ...promotion, id: formatId('prm', randomBytes(10)), release: 'earlier' };
    const store = createPromotionStore(databases.deliverer);
    const waiting = (mainPosition: number): Partial<FactSources> => ({
      ...all,
      promotions: {
        ...store,
        waitingOn: async (target) => [
          ...(await store.waitingOn(target)),
          { ...earlier, mainPosition },
        ],
      },
    });
    const before = waiting(promotion.mainPosition - 1);
    assert.ok((await codes(before)).includes('E_OLDER_FIRST'));
    assert.ok(!(await codes(waiting(promotion.mainPosition + 1))).includes('E_OLDER_FIRST'));
    assert.ok(
      !(await codes({ ...before, files: () => sources().files() })).includes('E_OLDER_FIRST'),
    );
    const under = await gatherFacts(sources(before), {
      ...{ promotionId, now, own: { deliveryId: 'dlv_0000000000' } },
    });
    assert.equal(under?.older, null, 'what began is not held by what came after');
  });

  test('where the target asks for cooling, the deliverer announces what nothing else holds, and it starts so long after', async () => {
    const cooled = underPolicy(({ deliver }) => ({ deliver: { ...deliver, cooling: 600 } }));
    const later = (seconds: number): Date => new Date(now.getTime() + seconds * 1000);
    const announce = createAnnouncer({
      ...{ transactor: databases.deliverer, recorder, clock: () => now },
      ...{ promotions: createPromotionStore(databases.deliverer), failpoint: () => undefined },
      async judge(question) {
        const facts = await gatherFacts(sources(cooled), { ...question, own: null });
        return facts === null ? null : { verdict: evaluatePromotion(facts) };
      },
      policyOf: async (target) => (await sources(cooled).files()).targets.get(target) ?? null,
    });
    assert.deepEqual(await codes(cooled), ['E_COOLING', 'E_APPROVALS_MISSING']);
    assert.equal(await announce(promotionId), null, 'an approval is missing');

    await approvedByTwo();
    assert.deepEqual(await codes(cooled, later(3_600)), ['E_COOLING'], 'nobody announced it');
    assert.deepEqual(await announce(promotionId), { startsAt: later(600) });
    assert.equal(await announce(promotionId), null, 'it is on its way into the ledger');
    assert.deepEqual(await codes(cooled, later(600)), ['E_COOLING'], 'not in the ledger yet');
    await sequence();
    assert.deepEqual(await codes(cooled, later(599)), ['E_COOLING']);
    assert.deepEqual(await codes(cooled, later(600)), []);

    const promotion = await createPromotionStore(databases.web).find(promotionId);
    assert.ok(promotion);
    await databases.web.transaction((tx) =>
      recorder.record(tx, {
        ...{ type: 'approval.recorded', at: later(601), actor: 'person:sam', refs: {} },
        subjectDigest: promotion.promotionDigest,
      }),
    );
    await sequence();
    assert.deepEqual(await codes(cooled, later(3_600)), ['E_COOLING'], 'another approval came');
  });
});

describe('what changed since', () => {
  test('each change of file, hook, artifact, freeze or base is told by name', async () => {
    await approvedByTwo();
    const target = files.targets.get('prod-eu');
    assert.ok(target);
    const edited = { ...files, targets: new Map([['prod-eu', { ...target, digest: sha('x') }]]) };
    assert.deepEqual(await codes({ files: () => Promise.resolve(edited) }), ['E_POLICY_CHANGED']);
    const without = { ...files, targets: new Map() };
    assert.deepEqual(await codes({ files: () => Promise.resolve(without) }), ['E_TARGET_UNKNOWN']);
    const hook = (digest: string | null) => ({
      files: () => Promise.resolve({ ...files, hookDigest: () => Promise.resolve(digest) }),
    });
    assert.deepEqual(await codes(hook('b'.repeat(64))), ['E_HOOK_DIGEST']);
    assert.deepEqual(await codes(hook(null)), ['E_HOOK_MISSING']);
    const artifacts = { has: () => Promise.resolve(false) };
    assert.deepEqual(await codes({ artifacts }), ['E_ARTIFACT_MISSING']);
    await gate.asOwner("insert into repository_freeze values ($1, 'rewritten')", [
      'https://git.example/org/app',
    ]);
    assert.deepEqual(await codes(), ['E_REPOSITORY_FROZEN']);
  });

  test('a key that was revoked after the approval stops it', async () => {
    await approvedByTwo();
    const revoked = { ...files, trust: filesOf({ ...good, trust: [] }).trust };
    assert.deepEqual(await codes({ files: () => Promise.resolve(revoked) }), ['E_BUNDLE_REFUSED']);
  });

  test('a commit that is no longer on main stops it', async () => {
    await approvedByTwo();
    const gone = { ...mirrorOf(good), commitFacts: () => Promise.resolve(null) };
    assert.deepEqual(await codes({ git: () => gone }), ['E_BUNDLE_REFUSED']);
  });

  test('what the artifact holds is compared again from its bytes, and nothing rests on a damaged copy', async () => {
    await approvedByTwo();
    const file = { path: 'evil', type: 'file', size: 1, mode: 0o755, sha256: sha('x') } as const;
    const swapped: ArtifactReader = {
      has: () => Promise.resolve(true),
      contents: () =>
        Promise.resolve({ size: 100, kind: 'archive', entries: [file], picked: [], unread: null }),
    };
    assert.deepEqual(await codes({ contents: swapped }), ['E_DOCUMENT_DIFFERS']);
    const damaged: ArtifactReader = {
      has: () => Promise.resolve(true),
      contents: () => Promise.reject(new ArtifactError('artifact-corrupt', 'the bytes differ')),
    };
    // A delivery may begin: it hashes its own copy, and fails by it before it asks for a login.
    assert.deepEqual(await codes({ contents: damaged }), []);
    const inDelivery = await gatherFacts(sources({ contents: damaged }), {
      ...{ promotionId, now, own: { deliveryId: 'dlv_0123456789' } },
    });
    assert.deepEqual(inDelivery?.bundle, {
      ...{ ok: false, code: 'E_ARTIFACT_DIGEST', detail: 'the bytes differ' },
    });
  });

  test('files that make another plan than the one that ran stop it', async () => {
    await approvedByTwo();
    const other = Buffer.from('steps:\n  - { name: package, image: any, commands: [curl evil] }\n');
    const moved = { ...mirrorOf(good), readBlob: () => Promise.resolve(other) };
    const facts = await gatherFacts(sources({ git: () => moved }), { promotionId, now, own: null });
    assert.ok(facts);
    const verdict = evaluatePromotion(facts);
    assert.deepEqual(verdict.allowed ? [] : verdict.reasons.map(contractCode), ['E_PLAN_DIGEST']);
  });

  test('a runner image that the target no longer lists stops it', async () => {
    await approvedByTwo();
    const target = files.targets.get('prod-eu');
    const [admits] = target?.policy.admits ?? [];
    assert.ok(target !== undefined && admits !== undefined);
    const builders = { ...admits.builders, images: [`sha256:${'a'.repeat(64)}`] };
    const policy = { ...target.policy, admits: [{ ...admits, builders }] };
    const edited = { ...files, targets: new Map([['prod-eu', { ...target, policy }]]) };
    const facts = await gatherFacts(sources({ files: () => Promise.resolve(edited) }), {
      ...{ promotionId, now, own: null },
    });
    assert.ok(facts);
    const verdict = evaluatePromotion(facts);
    assert.deepEqual(verdict.allowed ? [] : verdict.reasons.map(contractCode), ['E_RUNNER_IMAGE']);
  });

  test('a ledger that is signed by nobody we know stops it', async () => {
    await approvedByTwo();
    const stranger = generateKeyPairSync('ed25519').privateKey;
    const proofs = createLedgerProofs({
      ledger: createLedgerReader(databases.deliverer),
      vkey: vkeyOf(signer.name, stranger),
    });
    const found = await codes({ proofs }).catch((error: unknown) => [
      error instanceof Error ? error.name : 'thrown',
    ]);
    assert.ok(
      found.includes('E_LEDGER_UNAVAILABLE') || found.includes('LedgerError'),
      found.join(),
    );
  });
});

test('a quarantine holds by what was verified: keys, image, people, packages; and what says no runner by any runner; of these it ends what runs by all that is certain', async () => {
  await approvedByTwo();
  const facts = await gatherFacts(sources(), { promotionId, now, own: null });
  assert.ok(facts);
  const { rows } = await databases.web.pool.query<{ id: string }>(
    "select credential_id as id from passkey where person = 'leo'",
  );
  const hisKey = facts.approvals.signedWith.find((id) => rows.some((row) => row.id === id));
  assert.ok(hisKey !== undefined);
  const promotion = await createPromotionStore(databases.deliverer).find(promotionId);
  assert.ok(promotion);
  const { keyIds } = promotion;
  const quarantine = async (matter: string): Promise<string[]> => {
    const stop: Stop = {
      ...{
        id: 'stp_0000000000',
        kind: 'quarantine',
        targets: [],
        matter,
        since: null,
        until: null,
      },
      ...{ except: [], reason: 'stolen', person: 'leo', placedAt: now },
    };
    const stops = { recent: () => Promise.resolve([{ ...stop, digest: stopDigest(stop) }]) };
    const locks: FactSources['locks'] = (_, purl) =>
      Promise.resolve(purl === 'pkg:npm/unread' ? null : purl === 'pkg:npm/left-pad@1.3.0');
    const found = await codes({ stops, locks });
    const watch = createStopWatch({
      ...{ stops, locks, emergency: () => null, clock: () => now },
      ledger: () => Promise.resolve(createLedgerFold()),
    });
    const { restsOn } = facts;
    const ended = await watch.against({ delivery: { id: 'dlv_0000000000' }, promotion, restsOn });
    return [...found, ...(ended === null ? [] : ['ended'])];
  };
  for (const matter of [
    ...[`key:${keyIds[0] ?? ''}`, `key:${hisKey}`, `image:${'6'.repeat(64)}`],
    ...['person:dana', 'person:leo', 'package:pkg:npm/left-pad@1.3.0'],
  ]) {
    assert.deepEqual(await quarantine(matter), ['E_STOPPED', 'ended'], matter);
  }
  for (const matter of ['runner:r-7', 'package:pkg:npm/unread']) {
    assert.deepEqual(await quarantine(matter), ['E_STOPPED'], matter);
  }
  for (const matter of [
    ...['key:other', `image:${'7'.repeat(64)}`, 'person:oke', 'package:pkg:npm/left-pad@1.4.0'],
  ]) {
    assert.deepEqual(await quarantine(matter), [], matter);
  }
});

test('a second delivery of a document waits until what no revocation ends of the first has ended by itself', async () => {
  await approvedByTwo();
  const promotion = await createPromotionStore(databases.deliverer).find(promotionId);
  assert.ok(promotion);
  const diesAt = new Date(now.getTime() + 60_000);
  const first = { delivery: 'dlv_0000000001', promotion: promotion.id, target: promotion.target };
  const record = (type: 'delivery.intent' | 'credential.issued', refs: Record<string, string>) =>
    databases.deliverer.transaction(async (tx) => {
      await recorder.record(tx, {
        ...{ type, at: now, actor: 'deliverer', subjectDigest: promotion.promotionDigest },
        refs: { ...first, ...refs },
      });
    });
  await record('delivery.intent', {
    ...{ release: promotion.release, artifact: promotion.artifactDigest },
    ...{ commit: promotion.commit, position: String(promotion.mainPosition) },
  });
  await record('credential.issued', { as: 'kv', ending: 'by-hand' });
  await record('credential.issued', {
    ...{ as: 'db', ending: 'revocable', diesAt: diesAt.toISOString() },
  });
  await sequence();
  assert.deepEqual(await codes(), [], 'what is revoked, and what nobody waits for the end of');
  await record('credential.issued', {
    ...{ as: 'cert', ending: 'ttl-only', diesAt: diesAt.toISOString() },
  });
  await sequence();
  assert.deepEqual(await codes(), ['E_CREDENTIAL_OUTLIVES']);
  assert.deepEqual(await codes({}, new Date(diesAt.getTime() - 1)), ['E_CREDENTIAL_OUTLIVES']);
  assert.deepEqual(await codes({}, diesAt), []);
  const own = { deliveryId: first.delivery };
  const facts = await gatherFacts(sources(), { promotionId, now, own });
  assert.equal(facts?.outliving, null, 'its own are no other’s');

  // An end that nobody can read is none that has come.
  await record('credential.issued', { as: 'key', ending: 'ttl-only', diesAt: 'soon' });
  await sequence();
  const late = new Date(promotion.expiresAt.getTime() - 1);
  assert.ok((await codes({}, late)).includes('E_CREDENTIAL_OUTLIVES'));
});

test('web shows the same verdict without a mirror, from what intake recorded', async () => {
  await approvedByTwo();
  assert.deepEqual(await codes({ git: null }), []);
});

test('a configuration counts when the ledger has it and has none after it, and intake takes up none that does not follow', async () => {
  await approvedByTwo();
  const next = { ...files.manifest, serial: 2, previous: files.manifest.digest, digest: sha('2') };
  const under = (manifest: GateFiles['manifest']): Partial<FactSources> => ({
    files: () => Promise.resolve({ ...files, manifest }),
  });
  const takeUp = (manifest: GateFiles['manifest']): Promise<GateFiles> =>
    recordedFiles({
      files: () => Promise.resolve({ ...files, manifest }),
      transactor: databases.intake,
      configurations: createConfigurationStore(databases.intake),
      recorder,
      onChange: () => {},
      clock: () => now,
    })();
  assert.deepEqual(await codes(under(next)), ['E_CONFIGURATION_UNRECORDED']);
  for (const refused of [
    { ...next, previous: sha('another') },
    { ...files.manifest, digest: sha('another 1') },
  ]) {
    await assert.rejects(takeUp(refused), { code: 'E_CONFIGURATION_ROLLBACK' });
    assert.deepEqual(await codes(under(refused)), ['E_CONFIGURATION_ROLLBACK']);
  }
  await takeUp(next);
  await takeUp(next);
  assert.deepEqual(await codes(under(next)), ['E_CONFIGURATION_UNRECORDED'], 'not published yet');
  await sequence();
  assert.deepEqual(await codes(under(next)), []);
  assert.deepEqual(await codes(), ['E_CONFIGURATION_ROLLBACK']);
  await assert.rejects(takeUp(files.manifest), { code: 'E_CONFIGURATION_ROLLBACK' });
  const { rows } = await databases.web.pool.query<{ entries: number }>(
    `select count(*)::int as entries from ledger_entry
     where type = 'configuration.changed' and subject_digest = $1`,
    [next.digest],
  );
  assert.equal(rows[0]?.entries, 1, 'recorded once, however often it is read');
  await assert.rejects(gate.asOwner('delete from configuration'), /append-only/);
  // The tests below go on under it.
  files = { ...files, manifest: next };
});

// Last: the ledger keeps what it says here.
test('what is live comes from the ledger; a row that says otherwise is told, and lowers nothing', async () => {
  await approvedByTwo();
  const promotion = await createPromotionStore(databases.deliverer).find(promotionId);
  assert.ok(promotion);
  const at = new Date('2026-11-21T10:00:00Z');
  const live = { release: '2026.11.20-9', artifact: sha('live'), commit: 'e'.repeat(40) };
  const delivery = formatId('dlv', randomBytes(10));
  const subject = { at, actor: 'deliverer', subjectDigest: sha('live promotion') };
  const ids = { delivery, promotion: promotionId, target: promotion.target };
  const position = promotion.mainPosition + 1;
  await databases.deliverer.transaction(async (tx) => {
    const refs = { ...ids, ...live, position: String(position) };
    await recorder.record(tx, { ...subject, type: 'delivery.intent', refs });
  });
  await databases.authority.transaction(async (tx) => {
    await recorder.record(tx, { ...subject, type: 'credential.requested', refs: ids });
  });
  await databases.deliverer.transaction(async (tx) => {
    await recorder.record(tx, {
      ...{ ...subject, type: 'delivery.finished' },
      refs: { ...ids, state: 'succeeded' },
    });
  });
  assert.deepEqual(await codes(), [], 'not in the ledger yet');
  await sequence();
  assert.ok((await codes()).includes('E_LIVE_DIFFERS'), 'the row is missing');
  assert.ok((await codes()).includes('E_ROLLBACK_UNAPPROVED'));

  await gate.asOwner(
    `insert into delivery (id, promotion_id, target, state, step, fence, owner, heartbeat_at, intent_digest)
     values ($1, $2, $3, 'succeeded', 'finished', 1, 'x', now(), 'x')`,
    [delivery, promotionId, promotion.target],
  );
  await gate.asOwner('insert into target_live values ($1, $2, $3, $4, $5, $6, $7, $8)', [
    ...[promotion.target, promotionId, delivery, live.release, live.artifact, live.commit],
    ...[position, at],
  ]);
  const honest = await codes();
  assert.ok(!honest.includes('E_LIVE_DIFFERS'), honest.join());
  assert.ok(honest.includes('E_ROLLBACK_UNAPPROVED'));

  await gate.asOwner("update target_live set main_position = 1, release = '2026.11.01-1'");
  const lowered = await codes();
  assert.ok(lowered.includes('E_LIVE_DIFFERS'));
  assert.ok(lowered.includes('E_ROLLBACK_UNAPPROVED'), 'the ledger’s position still counts');
  assert.ok((await codes({ git: null })).includes('E_LIVE_DIFFERS'), 'pages tell it too');
});
