/** What the races of the gate run on: the one promotion of a vector, and people whose passkeys decide about it. */
import assert from 'node:assert/strict';
import { createPublicKey, generateKeyPairSync, randomBytes } from 'node:crypto';
import { createSoftwarePasskey, type SoftwarePasskey } from '@airlock/cli/software-passkey';
import { enrolmentDigest } from '@airlock/common/approval/count-approvals';
import { formatId } from '@airlock/common/ids';
import { vkeyOf } from '@airlock/common/ledger/note';
import { Roster } from '@airlock/common/policy/target-policy';
import { createGateDatabase } from '@airlock/testkit/gate-database';
import { createApprovalStore } from '../adapters/postgres/approval-store.ts';
import { createReplacedDocumentStore } from '../adapters/postgres/replaced-document-store.ts';
import { openDatabase, type GateDatabase } from '../adapters/postgres/client.ts';
import { createConfigurationStore } from '../adapters/postgres/configuration-store.ts';
import { createDeliveryStore } from '../adapters/postgres/delivery-store.ts';
import { createIntakeStore } from '../adapters/postgres/intake-store.ts';
import { createLedgerSequencer } from '../adapters/postgres/ledger-sequencer.ts';
import { createLedgerReader, recorder } from '../adapters/postgres/ledger-store.ts';
import { createPasskeyStore } from '../adapters/postgres/passkey-store.ts';
import { createPromotionStore } from '../adapters/postgres/promotion-store.ts';
import { createRebuildStore } from '../adapters/postgres/rebuild-store.ts';
import { createStopStore } from '../adapters/postgres/stop-store.ts';
import { createVaultSessionStore } from '../adapters/postgres/vault-session-store.ts';
import { acceptBundle } from '../app/accept-bundle.ts';
import { createDecisions } from '../app/approve-promotion.ts';
import type { GateFiles } from '../app/configuration-ports.ts';
import type { FactSources } from '../app/fact-sources.ts';
import { followLedger } from '../app/follow-ledger.ts';
import { gatherFacts } from '../app/gather-facts.ts';
import { createConfigurationProof } from '../app/prove-configuration.ts';
import { createLedgerProofs } from '../app/prove-entry.ts';
import { recordedFiles } from '../app/record-configuration.ts';
import type { PromotionStore } from '../app/promotion-ports.ts';
import { sequenceLedger } from '../app/sequence-ledger.ts';
import { startAtOnce, startDelivery, type StartDependencies } from '../app/start-delivery.ts';
import { filesOf, itemOf, mirrorOf, plannedVector, sha } from '../app/vectors.fixture.ts';
import { evaluatePromotion } from '../domain/verdict.ts';
import { singleFiles } from './artifact-reader.ts';

const good = plannedVector();
const origin = 'https://gate.example';
const gate = { rpId: 'gate.example', origin };
/** The time at which the vector is good. */
const now = new Date(good.now);

export const nameId = (who: string): string => `${who}@idp.example`;

const roster = Roster.parse({
  version: 1,
  people: [
    { id: 'dana', name: 'Dana', roles: ['developer'] },
    { id: 'leo', name: 'Leo', roles: ['release-manager'] },
    { id: 'mira', name: 'Mira', roles: ['release-manager'] },
  ].map((person) => ({
    ...person,
    nameId: nameId(person.id),
    gitEmails: [`${person.id}@example.com`],
  })),
});

const files: GateFiles = { ...filesOf(good), roster: { roster, digest: sha('roster') } };

/** @param options.locks false takes the row lock of the promotion away. Default true. */
export async function openRaceGround(options: { readonly locks?: boolean } = {}) {
  const owner = await createGateDatabase();
  const open = (role: Parameters<typeof owner.settings>[0]): GateDatabase =>
    openDatabase(owner.settings(role));
  const [intake, web, deliverer, watchdog] = [
    open('gate_intake'),
    open('gate_web'),
    open('gate_deliverer'),
    open('gate_watchdog'),
  ];
  const { privateKey } = generateKeyPairSync('ed25519');
  const signer = { name: 'gate.example/ledger', privateKey };
  const vkey = vkeyOf(signer.name, privateKey);
  const sequence = () =>
    sequenceLedger({ sequencer: createLedgerSequencer(watchdog.pool), signer });
  const promotionId = await admit(intake, { vkey, files });
  await sequence();

  const passkeys = new Map<string, SoftwarePasskey>();
  for (const who of ['leo', 'mira']) passkeys.set(who, await enrol(web, who));
  await sequence();

  const promotionsOf = (database: GateDatabase): PromotionStore => {
    const store = createPromotionStore(database);
    return options.locks === false ? { ...store, lock: (_tx, id) => store.find(id) } : store;
  };
  const shared = { recorder, files: () => Promise.resolve(files), now: () => now };
  const decisions = createDecisions({
    ...{ ...shared, relyingParty: gate, database: web, promotions: promotionsOf(web) },
    approvals: createApprovalStore(web),
    replaced: createReplacedDocumentStore(web),
    passkeys: createPasskeyStore(web),
    ringDeliverer: () => {},
    randomNonce: () => randomBytes(32).toString('base64url'),
    newApprovalId: () => formatId('apr', randomBytes(10)),
  });

  async function signed(who: string) {
    const { challenge, nonce } = await decisions.beginApproval(nameId(who), promotionId);
    const passkey = passkeys.get(who);
    assert.ok(passkey);
    const { id, response } = passkey.assert(challenge);
    return { nonce, note: '', answer: { credentialId: id, ...response } };
  }

  return {
    ...{ owner, web, deliverer, decisions, signed, shared, promotionsOf, promotionId },
    starter: (parts: Parameters<typeof starter>[2]) => starter(deliverer, { files, vkey }, parts),
    async close(): Promise<void> {
      for (const database of [intake, web, deliverer, watchdog]) await database.close();
      await owner.dispose();
    },
  };
}

/** Starts the delivery as the deliverer does, in turns on a ring and in its sweep. @param parts what the race takes away. */
function starter(
  database: GateDatabase,
  given: { files: GateFiles; vkey: string },
  parts: Partial<Pick<StartDependencies, 'promotions' | 'stops'>> = {},
): (promotionId: string) => Promise<boolean> {
  const sources = sourcesOf(database, given);
  const dependencies: StartDependencies = {
    transactor: database,
    promotions: createPromotionStore(database),
    deliveries: createDeliveryStore(database),
    stops: createStopStore(database),
    ...parts,
    recorder,
    judge: async (question) => {
      const facts = await gatherFacts(sources, { ...question, own: null });
      return facts === null ? null : { facts, verdict: evaluatePromotion(facts) };
    },
    policyOf: (target) => Promise.resolve(given.files.targets.get(target) ?? null),
    provenLive: () => Promise.resolve(null),
    owner: 'race',
    clock: () => now,
    randomBytes: (count) => randomBytes(count),
    announce: () => Promise.resolve(null),
    onLostRace: () => {},
  };
  let isRung = false;
  return async (promotionId) => {
    isRung = !isRung;
    const start = isRung ? startAtOnce : startDelivery;
    return (await start(dependencies, promotionId)) !== null;
  };
}

function sourcesOf(
  database: GateDatabase,
  { files, vkey }: { files: GateFiles; vkey: string },
): FactSources {
  const proofs = createLedgerProofs({ ledger: createLedgerReader(database), vkey });
  return {
    gate: origin,
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
  };
}

/** Takes the vector's bundle in, as intake would. @returns id of its promotion. */
async function admit(
  database: GateDatabase,
  { vkey, files }: { vkey: string; files: GateFiles },
): Promise<string> {
  const intake = createIntakeStore(database);
  await intake.polled('nonprod', { head: 1, at: now });
  const artifact = Buffer.from(good.artifact, 'base64');
  const acceptance = await acceptBundle(
    {
      ...{ gate: origin, source: 'nonprod', transactor: database, intake, recorder },
      promotions: createPromotionStore(database),
      files: recordedFiles({
        files: () => Promise.resolve(files),
        transactor: database,
        configurations: createConfigurationStore(database),
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
      ledger: followLedger({ ledger: createLedgerReader(database), vkey }),
    },
    itemOf(good, { seq: 1, prevHash: '0'.repeat(64) }),
  );
  assert.equal(acceptance.outcome, 'admitted');
  return acceptance.promotionId;
}

async function* chunks(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield await Promise.resolve(bytes);
}

async function enrol(database: GateDatabase, person: string): Promise<SoftwarePasskey> {
  const passkey = createSoftwarePasskey(gate);
  const { privateKeyPem } = JSON.parse(passkey.serialize()) as { privateKeyPem: string };
  const enrolment = {
    ...{ person, credentialId: passkey.credentialId, ...gate },
    publicKeyPem: createPublicKey(privateKeyPem).export({ type: 'spki', format: 'pem' }).toString(),
  };
  const digest = enrolmentDigest(enrolment);
  await database.transaction(async (tx) => {
    await createPasskeyStore(database).insert(tx, {
      ...enrolment,
      label: 'key',
      cosePublicKey: Buffer.from('cose'),
      signCount: 0,
      enrolledAt: now,
      enrolmentDigest: digest,
    });
    await recorder.record(tx, {
      type: 'passkey.enrolled',
      at: now,
      actor: `person:${person}`,
      subjectDigest: digest,
      refs: { person },
    });
  });
  return passkey;
}
