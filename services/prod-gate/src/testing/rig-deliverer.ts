/** A deliverer as processes/deliverer.ts puts it together, but for the verdict: that one is shown elsewhere. */
import { TargetPolicy } from '@airlock/common/policy/target-policy';
import { failpoint } from '@airlock/process/failpoint';
import type { Log } from '@airlock/process/log';
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createAuthorityClient } from '../adapters/authority/client.ts';
import {
  bubblewrapExecutor,
  createHookPreparer,
  type HookExecutor,
} from '../adapters/hooks/run-hook.ts';
import { tryLogin } from '../adapters/hooks/egress/try-login.ts';
import type { GateDatabase } from '../adapters/postgres/client.ts';
import { createDeliveryStore } from '../adapters/postgres/delivery-store.ts';
import { createLedgerReader, recorder } from '../adapters/postgres/ledger-store.ts';
import { createPromotionStore } from '../adapters/postgres/promotion-store.ts';
import { createSecretMarkStore } from '../adapters/postgres/secret-mark-store.ts';
import { createStopStore } from '../adapters/postgres/stop-store.ts';
import { createEmergencyStop } from '../adapters/files/emergency-stop.ts';
import { createVaultSessionStore } from '../adapters/postgres/vault-session-store.ts';
import { createVaultLogin } from '../adapters/vault/login.ts';
import { createAnnouncer } from '../app/announce-delivery.ts';
import { nonprodKnowledge } from '../app/known-to-nonprod.ts';
import { createLedgerProofs } from '../app/prove-entry.ts';
import type { RunDependencies } from '../app/delivery-saga.ts';
import { createStopWatch } from '../app/watch-stops.ts';
import { repeatDelivery, type RepeatDependencies } from '../app/repeat-delivery.ts';
import { startDelivery, type StartedDelivery } from '../app/start-delivery.ts';
import { coolingLeft } from '../domain/cooling.ts';
import { repositoryDigest } from '../domain/ledger-facts.ts';
import type { Promotion } from '../domain/promotion.ts';
import type { PromotionFacts, Verdict } from '../domain/verdict.ts';

/** What a deliverer process has to be told; a child gets it by its environment. */
export type RigSettings = {
  readonly directory: string;
  readonly postgres: {
    readonly host: string;
    readonly port: number;
    readonly name: string;
    readonly user: string;
    readonly passwordFile: string;
  };
  readonly vaultAddress: string;
  readonly vkey: string;
  readonly loginSeconds: number;
  readonly requestTimeoutSeconds: number;
  readonly loginSkewSeconds: number;
};

export const vaultEnvironment = { AIRLOCK_DEMO: '1' };
export const quiet: Log = { debug() {}, info() {}, warn() {}, error() {} };
export const clock = (): Date => new Date();

export const placesOf = ({ directory }: Pick<RigSettings, 'directory'>) => ({
  hooks: join(directory, 'hooks'),
  store: join(directory, 'store'),
  socket: join(directory, 'authority.sock'),
  policies: join(directory, 'policies'),
});

/** The policy of a target, by its name: each case has a target of its own, so that they do not wait for each other. */
export function policyOf(
  settings: Pick<RigSettings, 'directory'>,
  target: string,
): { policy: TargetPolicy; digest: string } {
  const bytes = readFileSync(join(placesOf(settings).policies, `${target}.json`));
  return {
    policy: TargetPolicy.parse(JSON.parse(bytes.toString())),
    digest: createHash('sha256').update(bytes).digest('hex'),
  };
}

export type RigDeliverer = ReturnType<typeof createRigDeliverer>;

export function createRigDeliverer(
  settings: RigSettings,
  database: GateDatabase,
  executor: HookExecutor = bubblewrapExecutor,
) {
  const promotions = createPromotionStore(database);
  const deliveries = createDeliveryStore(database);
  const sessions = createVaultSessionStore(database);
  const proofs = createLedgerProofs({ ledger: createLedgerReader(database), vkey: settings.vkey });
  const judge = async ({
    promotionId,
  }: {
    promotionId: string;
  }): Promise<{ facts: PromotionFacts; verdict: Verdict } | null> => {
    const promotion = await promotions.find(promotionId);
    if (promotion === null) return null;
    const { target, promotionDigest, repository } = promotion;
    const seconds = policyOf(settings, target).policy.deliver.cooling;
    const announcedAt =
      seconds === undefined
        ? null
        : (await proofs.facts()).announcedAt(promotionDigest, repositoryDigest(repository));
    const cooling = coolingLeft({ seconds, announcedAt, now: clock() });
    return {
      facts: { ...allowedFacts(promotion), cooling },
      verdict:
        cooling === null
          ? { allowed: true }
          : { allowed: false, reasons: [{ code: 'E_COOLING', target, ...cooling }] },
    };
  };
  const run: RunDependencies = {
    transactor: database,
    promotions,
    deliveries,
    sessions,
    recorder,
    isPublished: async (leafHash) => (await proofs.entry(leafHash)) !== null,
    authority: createAuthorityClient(placesOf(settings).socket),
    knownToNonprod: nonprodKnowledge({ marks: createSecretMarkStore(database), clock }),
    tryLogin,
    stops: createStopWatch({
      ...{ stops: createStopStore(database), ledger: proofs.facts, clock },
      emergency: createEmergencyStop({ administratorsFile: join(settings.directory, 'x.json') }),
      locks: () => Promise.resolve(false),
    }),
    vault: createVaultLogin(
      {
        address: settings.vaultAddress,
        requestTimeoutSeconds: settings.requestTimeoutSeconds,
      },
      vaultEnvironment,
    ),
    hooks: createHookPreparer({
      hooksDirectory: placesOf(settings).hooks,
      workDirectory: join(settings.directory, `work-${process.pid}`),
      nodeBinary: process.execPath,
      artifacts: {
        async openVerified(digest) {
          const handle = await open(join(placesOf(settings).store, digest));
          return { handle, size: (await handle.stat()).size };
        },
      },
      executor,
    }),
    times: {
      loginSeconds: settings.loginSeconds,
      intentWithinMs: 10_000,
      cleanWithinMs: 20_000,
      readWithinMs: 3_000,
      heartbeatEveryMs: 300,
      giveUpAfterMs: 2_500,
    },
    failpoint,
    log: quiet,
    clock,
    randomBytes,
    random: Math.random,
  };
  const starting = {
    transactor: database,
    promotions,
    deliveries,
    stops: createStopStore(database),
    recorder,
    judge,
    policyOf: (target: string) => Promise.resolve(policyOf(settings, target)),
    provenLive: async (target: string) => (await proofs.facts()).liveOn(target),
    owner: 'test',
    clock,
    randomBytes,
    onLostRace: (_: string, code: string) => {
      throw new Error(`lost a race: ${code}`);
    },
  };
  const announce = createAnnouncer({ ...starting, failpoint });
  const start = async (promotionId: string): Promise<StartedDelivery> => {
    const first = await startDelivery({ ...starting, announce }, promotionId);
    if (first !== null) return first;
    // Announced, and starts by itself in a later pass.
    const promotion = await promotions.find(promotionId);
    const { cooling } = policyOf(settings, promotion?.target ?? '').policy.deliver;
    assert.ok(cooling !== undefined, 'the delivery starts');
    for (let end = performance.now() + cooling * 1000 + 10_000; performance.now() < end;) {
      await sleep(50);
      const started = await startDelivery({ ...starting, announce }, promotionId);
      if (started !== null) return started;
    }
    assert.fail('the delivery starts once it has cooled');
  };
  /** @param judged what the verdict says of the repeat; allowed when left out. */
  const repeat = (
    promotionId: string,
    judged: RepeatDependencies['judge'] = judge,
  ): Promise<StartedDelivery | null> => repeatDelivery({ ...starting, judge: judged }, promotionId);
  return { promotions, deliveries, sessions, proofs, judge, run, start, repeat };
}

// Facts of a promotion that everything speaks for; the verdict itself is shown in domain/verdict.test.ts.
function allowedFacts(promotion: Promotion): PromotionFacts {
  return {
    now: clock(),
    promotion,
    underOwnDelivery: promotion.state === 'delivering',
    targetKnown: true,
    returning: null,
    changed: { policy: false, roster: false, editors: false, base: null, fields: [] },
    hookDigest: null,
    artifactPresent: true,
    bundle: { ok: true },
    builders: { need: 1, listed: 0, count: null },
    windowClosed: null,
    cooling: null,
    start: null,
    older: null,
    waiver: null,
    unmappedEmails: [],
    unmappedEditors: [],
    approvals: {
      have: 2,
      need: 2,
      rules: [{ role: 'release-manager', count: 2, filledBy: ['Leo', 'Mira'], helpful: [] }],
      enough: [],
      editors: [],
      counting: ['leo', 'mira'],
      signedWith: [],
      discounted: [],
      eligible: [],
    },
    rejectedBy: null,
    freeze: null,
    busy: null,
    pendingSession: null,
    outliving: null,
    live: null,
    liveDiffers: null,
    ledgerFault: null,
    configurationFault: null,
    ledgerFreeze: null,
    restsOn: [],
    exceptedFrom: [],
    stops: [],
    emergencyStop: null,
  };
}
