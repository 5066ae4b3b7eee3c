/** What authority, deliverer and watchdog leave behind. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { formatId } from '@airlock/common/ids';
import { vkeyOf } from '@airlock/common/ledger/note';
import { createApprovalStore } from '../adapters/postgres/approval-store.ts';
import { createAttestationStore } from '../adapters/postgres/attestation-store.ts';
import { createDeliveryStore } from '../adapters/postgres/delivery-store.ts';
import { createLedgerReader, recorder } from '../adapters/postgres/ledger-store.ts';
import { createPasskeyStore } from '../adapters/postgres/passkey-store.ts';
import { createPromotionStore } from '../adapters/postgres/promotion-store.ts';
import { createRebuildStore } from '../adapters/postgres/rebuild-store.ts';
import { createStopStore } from '../adapters/postgres/stop-store.ts';
import { createVaultSessionStore } from '../adapters/postgres/vault-session-store.ts';
import { gatherFacts } from '../app/gather-facts.ts';
import { createAttester, type AttestEvent } from '../app/issue-attestations.ts';
import type { GateFiles } from '../app/configuration-ports.ts';
import type { EntryFacts } from '../app/ledger-ports.ts';
import { createLedgerProofs } from '../app/prove-entry.ts';
import { singleFiles } from '../testing/artifact-reader.ts';
import {
  privateKey,
  now,
  target,
  signer,
  files,
  mirror,
  configuration,
  attestationSigner,
} from './gate-web-world.fixture.ts';
import { gate, databases, origin, clock, promotionId, sequence } from './gate-web.fixture.ts';

/** A second promotion of the same release, as a request that came later. */
export async function copyPromotion(): Promise<string> {
  const id = formatId('prm', randomBytes(10));
  await gate.asOwner(
    `insert into promotion select (jsonb_populate_record(p, $1::jsonb)).* from promotion p where id = $2`,
    [
      JSON.stringify({
        id,
        bundle_digest: 'b'.repeat(64),
        envelope_digest: 'c'.repeat(64),
        promotion_digest: 'd'.repeat(64),
      }),
      promotionId,
    ],
  );
  return id;
}

/** The authority's loop, once, with the mirror that the vector implies; `later` are the files once it has judged. */
export async function attest(later: GateFiles = files): Promise<AttestEvent[]> {
  const database = databases.authority;
  const events: AttestEvent[] = [];
  const ledger = createLedgerReader(database);
  const promotions = createPromotionStore(database);
  const deliveries = createDeliveryStore(database);
  const sessions = createVaultSessionStore(database);
  const approvals = createApprovalStore(database);
  const passkeys = createPasskeyStore(database);
  const proofs = createLedgerProofs({ ledger, vkey: vkeyOf(signer.name, privateKey) });
  const sources = { promotions, deliveries, sessions, approvals, passkeys, proofs };
  const policy = files.targets.get(target)?.policy;
  assert.ok(policy);
  const attester = createAttester({
    ...{ gate: origin, version: '0.1.0', transactor: database, recorder, promotions },
    attestations: createAttestationStore(database),
    rebuilds: createRebuildStore(database),
    files: () => Promise.resolve(later),
    judge: ({ promotionId: id, now: asked }) =>
      gatherFacts(
        {
          ...{ ...sources, gate: origin, files: () => Promise.resolve(files) },
          configuration: () => Promise.resolve(null),
          rebuilds: createRebuildStore(database),
          ...{ stops: createStopStore(database), emergency: () => null },
          locks: () => Promise.resolve(false),
          artifacts: { has: () => Promise.resolve(true) },
          ...{ git: () => mirror, contents: singleFiles },
        },
        { promotionId: id, now: asked, own: null },
      ),
    deliveries: {
      ...sources,
      keptPolicy: () => Promise.resolve({ policy, roster: files.roster.roster }),
    },
    signer: attestationSigner,
    onEvent: (event) => events.push(event),
    clock: () => clock,
  });
  await attester.pass();
  await sequence();
  return events;
}

/** What deliverer and watchdog leave behind of a delivery that went well. */
export async function delivered(): Promise<string> {
  const database = databases.deliverer;
  const deliveries = createDeliveryStore(database);
  const sessions = createVaultSessionStore(database);
  const promotions = createPromotionStore(database);
  const promotion = await promotions.find(promotionId);
  assert.ok(promotion);
  const id = formatId('dlv', randomBytes(10));
  const session = { id: formatId('vse', randomBytes(10)), fence: 1 };
  const at = (seconds: number): Date => new Date(now.getTime() + seconds * 1000);
  const record = (
    type: EntryFacts['type'],
    seconds: number,
    refs: Record<string, string>,
    actor = 'deliverer',
  ): EntryFacts => ({
    ...{ type, at: at(seconds), actor, subjectDigest: promotion.promotionDigest },
    refs: { delivery: id, promotion: promotionId, target, ...refs },
  });
  await databases.intake.transaction((tx) =>
    recorder.record(tx, {
      ...{ type: 'configuration.changed', at: now, actor: 'intake' },
      ...{ subjectDigest: configuration.digest, refs: { serial: '1' } },
    }),
  );
  const given = { deliveryId: id, target, owner: 'test', promotionId };
  const role = 'v-jwt-loader-x';
  await database.transaction(async (tx) => {
    await promotions.setState(tx, {
      ...{ id: promotionId, from: 'waiting', to: 'delivering', reason: null, at: at(1) },
    });
    const intentDigest = await recorder.record(tx, record('delivery.intent', 1, {}));
    await deliveries.insert(tx, {
      ...{ ...given, id, intentDigest, verification: null, repeats: null, at: at(1) },
    });
    await sessions.insertIntent(tx, {
      ...{ ...session, deliveryId: id, target, jwtMount: 'jwt', jwtExpiresAt: at(20) },
      ...{ deadline: at(300), at: at(2) },
      credentials: [
        { name: 'db', kind: 'database', path: 'database/creds/loader', ending: 'revocable' },
      ],
    });
  });
  await databases.authority.transaction((tx) =>
    recorder.record(
      tx,
      record(
        'credential.requested',
        2,
        { session: session.id, trust: files.trustDigest, configuration: configuration.digest },
        'authority',
      ),
    ),
  );
  await sessions.token(session, 'accessor');
  await database.transaction(async (tx) => {
    await sessions.leased(tx, session, {
      ...{ name: 'db', leaseId: 'database/creds/loader/x', holder: role },
      ...{ issuedAt: at(3), diesAt: at(300) },
    });
    await recorder.record(
      tx,
      record('credential.issued', 3, {
        ...{ session: session.id, as: 'db', kind: 'database', ending: 'revocable', holder: role },
        diesAt: at(300).toISOString(),
      }),
    );
    await deliveries.hookStarted(tx, { id, fence: 1 }, { at: at(4), kind: 'at-most-once' });
    await recorder.record(tx, record('hook.started', 4, { hook: promotion.hook }));
    await deliveries.hookFinished(
      tx,
      { id, fence: 1 },
      { at: at(9), exit: 0, result: { rows: 3 } },
    );
    await recorder.record(tx, record('hook.finished', 9, { hook: promotion.hook, exit: '0' }));
  });
  await deliveries.appendLog(id, [
    {
      at: at(5),
      stream: 'stdout',
      line: '\u001b[32mloaded\u001b[0m <script>alert(1)</script> \u202e',
    },
  ]);
  await sessions.revoking(session);
  await databases.watchdog.transaction(async (tx) => {
    await createVaultSessionStore(databases.watchdog).clean(tx, session.id, at(10));
    await recorder.record(
      tx,
      record('credential.revoked', 10, { session: session.id }, 'watchdog'),
    );
  });
  await database.transaction(async (tx) => {
    const end = { state: 'succeeded', reason: null, at: at(11) } as const;
    await deliveries.finish(tx, { id, fence: 1 }, end);
    await promotions.setState(tx, {
      ...{ id: promotionId, from: 'delivering', to: 'live', reason: null, at: at(11) },
    });
    const { release, artifactDigest, commit, mainPosition } = promotion;
    await promotions.setLive(tx, {
      ...{ target, promotionId: promotion.id, deliveryId: id, since: at(11) },
      ...{ release, artifactDigest, commit, mainPosition },
    });
    await recorder.record(tx, record('delivery.finished', 11, { state: 'succeeded' }));
  });
  await sequence();
  return id;
}
