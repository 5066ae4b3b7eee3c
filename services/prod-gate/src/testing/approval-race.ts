/**
 * Approve, withdraw and start at the same moment, on a real Postgres, with each process's own rights and through the very use
 * cases that the processes run. Two approvals are needed: one is there and is taken back while the other one is given.
 *
 * @see design rule: approvals, withdrawals, rejections and starts take the promotion's row lock first
 */
import assert from 'node:assert/strict';
import { createPublicKey, generateKeyPairSync, randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { createSoftwarePasskey, type SoftwarePasskey } from '@airlock/cli/software-passkey';
import { enrolmentDigest } from '@airlock/common/approval/count-approvals';
import { formatId } from '@airlock/common/ids';
import { vkeyOf } from '@airlock/common/ledger/note';
import { Roster } from '@airlock/common/policy/target-policy';
import { createGateDatabase } from '@airlock/testkit/gate-database';
import { createApprovalStore } from '../adapters/postgres/approval-store.ts';
import { openDatabase, type GateDatabase } from '../adapters/postgres/client.ts';
import { createConfigurationStore } from '../adapters/postgres/configuration-store.ts';
import { createDeliveryStore } from '../adapters/postgres/delivery-store.ts';
import { createIntakeStore } from '../adapters/postgres/intake-store.ts';
import { createLedgerSequencer } from '../adapters/postgres/ledger-sequencer.ts';
import { createLedgerReader, recorder } from '../adapters/postgres/ledger-store.ts';
import { newsOutbox } from '../adapters/postgres/news-outbox.ts';
import { createPasskeyStore } from '../adapters/postgres/passkey-store.ts';
import { createPromotionStore } from '../adapters/postgres/promotion-store.ts';
import { createRebuildStore } from '../adapters/postgres/rebuild-store.ts';
import { createStartStore } from '../adapters/postgres/start-store.ts';
import { createStopStore } from '../adapters/postgres/stop-store.ts';
import { createVaultSessionStore } from '../adapters/postgres/vault-session-store.ts';
import { acceptBundle } from '../app/accept-bundle.ts';
import { createDecisions } from '../app/approve-promotion.ts';
import { DecisionError } from '../app/decision-error.ts';
import { followLedger } from '../app/follow-ledger.ts';
import { gatherFacts } from '../app/gather-facts.ts';
import type { FactSources } from '../app/fact-sources.ts';
import type { GateFiles } from '../app/configuration-ports.ts';
import type { PromotionStore } from '../app/promotion-ports.ts';
import { createConfigurationProof } from '../app/prove-configuration.ts';
import { createLedgerProofs } from '../app/prove-entry.ts';
import { recordedFiles } from '../app/record-configuration.ts';
import { sequenceLedger } from '../app/sequence-ledger.ts';
import { startDelivery } from '../app/start-delivery.ts';
import { filesOf, itemOf, mirrorOf, plannedVector, sha } from '../app/vectors.fixture.ts';
import { createWithdrawal } from '../app/withdraw-approval.ts';
import { evaluatePromotion } from '../domain/verdict.ts';
import { singleFiles } from './artifact-reader.ts';

export type RaceResult = {
  readonly rounds: number;
  /** Rounds in which a delivery began. */
  readonly deliveries: number;
  /** Rounds in which the withdrawal was confirmed to who withdrew. */
  readonly withdrawals: number;
  /** Rounds in which both happened; one is one too many. */
  readonly both: number;
};

const origin = 'https://gate.example';
const gate = { rpId: 'gate.example', origin };
const good = plannedVector();
const now = new Date(good.now);

export type ApprovalRace = {
  /** One round. */
  run(): Promise<{ delivered: boolean; withdrawn: boolean }>;
  close(): Promise<void>;
};

/** @param options.locks false takes the row lock away, which shows that the race can be lost. Default true. */
export async function createApprovalRace(
  options: { readonly locks?: boolean } = {},
): Promise<ApprovalRace> {
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
  const files: GateFiles = { ...filesOf(good), roster: { roster, digest: sha('roster') } };
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
  const approvals = createApprovalStore(web);
  const decisions = createDecisions({
    ...{ ...shared, relyingParty: gate, database: web, promotions: promotionsOf(web), approvals },
    passkeys: createPasskeyStore(web),
    ringDeliverer: () => {},
    randomNonce: () => randomBytes(32).toString('base64url'),
    newApprovalId: () => formatId('apr', randomBytes(10)),
  });
  const withdraw = createWithdrawal({
    ...{ ...shared, database: web, promotions: promotionsOf(web), approvals },
    news: newsOutbox,
  });
  const sources = sourcesOf(deliverer, { files, vkey });
  const start = () =>
    startDelivery(
      {
        transactor: deliverer,
        promotions: promotionsOf(deliverer),
        deliveries: createDeliveryStore(deliverer),
        recorder,
        judge: async (question) => {
          const facts = await gatherFacts(sources, { ...question, own: null });
          return facts === null ? null : { facts, verdict: evaluatePromotion(facts) };
        },
        policyOf: (target) => Promise.resolve(files.targets.get(target) ?? null),
        provenLive: () => Promise.resolve(null),
        owner: 'race',
        clock: () => now,
        randomBytes: (count) => randomBytes(count),
        announce: () => Promise.resolve(null),
        onLostRace: () => {},
      },
      promotionId,
    );

  async function signed(who: string) {
    const { challenge, nonce } = await decisions.beginApproval(nameId(who), promotionId);
    const passkey = passkeys.get(who);
    assert.ok(passkey);
    const { id, response } = passkey.assert(challenge);
    return { nonce, note: '', answer: { credentialId: id, ...response } };
  }

  /** How long the contest of the last round took; the withdrawal of the next one falls anywhere within it. */
  let contestMs = 40;

  return {
    async run() {
      await owner.asOwner('truncate approval, delivery cascade');
      await owner.asOwner(
        "update promotion set state = 'waiting', state_reason = null where id = $1",
        [promotionId],
      );
      await decisions.approve(nameId('mira'), promotionId, await signed('mira'));
      const second = await signed('leo');

      const began = performance.now();
      const contest = { isOver: false };
      const withdrawing = sleep(Math.random() * contestMs)
        .then(() => withdraw(nameId('mira'), promotionId, { reason: '' }))
        .then(() => true, tooLate);
      const approving = decisions
        .approve(nameId('leo'), promotionId, second)
        .then(() => true, tooLate);
      // As the deliverer does: it looks again and again, whatever it was rung for.
      const starting = (async () => {
        let started = await start();
        while (started === null && !contest.isOver) started = await start();
        return (started ?? (await start())) !== null;
      })();
      const [withdrawn] = await Promise.all([withdrawing, approving]);
      contest.isOver = true;
      const delivered = await starting;
      contestMs = performance.now() - began;
      return { delivered, withdrawn };
    },
    async close() {
      for (const database of [intake, web, deliverer, watchdog]) await database.close();
      await owner.dispose();
    },
  };
}

/** Runs `rounds` rounds; `onRound` is told of each. */
export async function raceApprovals(
  race: Pick<ApprovalRace, 'run'>,
  rounds: number,
  onRound: (done: number) => void = () => {},
): Promise<RaceResult> {
  const count = { deliveries: 0, withdrawals: 0, both: 0 };
  for (let round = 1; round <= rounds; round += 1) {
    const { delivered, withdrawn } = await race.run();
    if (delivered) count.deliveries += 1;
    if (withdrawn) count.withdrawals += 1;
    if (delivered && withdrawn) count.both += 1;
    onRound(round);
  }
  return { rounds, ...count };
}

/** What is wrong with a result, in words; null when every round had one winner and each side won some. */
export function raceFault({ rounds, deliveries, withdrawals, both }: RaceResult): string | null {
  if (both > 0) return `${both} deliveries began beside a withdrawal that was confirmed`;
  if (deliveries + withdrawals !== rounds) {
    return `${rounds - deliveries - withdrawals} rounds ended with neither a delivery nor a withdrawal`;
  }
  return deliveries === 0 || withdrawals === 0 ? 'one side won every round: nothing raced' : null;
}

/** The one refusal that being late earns; every other one is a fault of the race itself. */
function tooLate(error: unknown): false {
  if (error instanceof DecisionError && error.code === 'E_NOT_WAITING') return false;
  throw error;
}

const nameId = (who: string): string => `${who}@idp.example`;

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
    starts: createStartStore(database),
    ...{ stops: createStopStore(database), emergency: () => null },
    locks: () => Promise.resolve(false),
    proofs,
    configuration: createConfigurationProof(proofs),
    artifacts: { has: () => Promise.resolve(true) },
    ...{ git: () => mirrorOf(good), contents: singleFiles },
  };
}

/** Takes the vector's bundle in, as intake would. */
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
