/** What authority and deliverer decide by, put together in one way and read by each for itself. */
import { openArtifactStore } from '@airlock/artifacts/open-store';
import { createArtifactReader } from './adapters/files/artifact-reader.ts';
import { readVerifierKey } from './adapters/files/verifier-key.ts';
import { createMirrors } from './adapters/git/mirrors.ts';
import { createApprovalStore } from './adapters/postgres/approval-store.ts';
import type { GateDatabase } from './adapters/postgres/client.ts';
import { createDeliveryStore } from './adapters/postgres/delivery-store.ts';
import { createLedgerReader } from './adapters/postgres/ledger-store.ts';
import { createPasskeyStore } from './adapters/postgres/passkey-store.ts';
import { createPromotionStore } from './adapters/postgres/promotion-store.ts';
import { createStopStore } from './adapters/postgres/stop-store.ts';
import { createEmergencyStop } from './adapters/files/emergency-stop.ts';
import { createRebuildStore } from './adapters/postgres/rebuild-store.ts';
import { createVaultSessionStore } from './adapters/postgres/vault-session-store.ts';
import { gatherFacts } from './app/gather-facts.ts';
import type { FactQuestion, FactSources } from './app/fact-sources.ts';
import type { GateFiles } from './app/configuration-ports.ts';
import type { EmergencyStop } from './app/stop-ports.ts';
import { createConfigurationProof } from './app/prove-configuration.ts';
import { createLedgerProofs } from './app/prove-entry.ts';
import { locksPackage } from './app/read-packages.ts';
import type { DecisionConfig } from './config-decision.ts';
import { evaluatePromotion, type PromotionFacts, type Verdict } from './domain/verdict.ts';

/** @throws ConfigurationError when the ledger's key cannot be read. */
export function decisionSources(
  config: DecisionConfig,
  database: GateDatabase,
  files: () => Promise<GateFiles>,
  emergency: EmergencyStop = createEmergencyStop(config.files),
) {
  const promotions = createPromotionStore(database);
  const deliveries = createDeliveryStore(database);
  const sessions = createVaultSessionStore(database);
  const artifacts = openArtifactStore(config.artifacts);
  const proofs = createLedgerProofs({
    ledger: createLedgerReader(database),
    vkey: readVerifierKey(config.ledgerKeyFile),
  });
  const approvals = createApprovalStore(database);
  const passkeys = createPasskeyStore(database);
  const rebuilds = createRebuildStore(database);
  const stops = createStopStore(database);
  // Read only: fetching is intake's.
  const mirrors = createMirrors(config.mirrors);
  const sources: FactSources = {
    gate: config.gate,
    files,
    promotions,
    approvals,
    passkeys,
    deliveries,
    sessions,
    rebuilds,
    stops,
    emergency,
    proofs,
    configuration: createConfigurationProof(proofs),
    artifacts,
    git: mirrors,
    contents: createArtifactReader(artifacts),
    async locks({ repository, commit }, purl) {
      const git = mirrors(repository);
      return git === undefined ? null : locksPackage(git, commit, purl);
    },
  };
  return {
    promotions,
    approvals,
    passkeys,
    deliveries,
    sessions,
    rebuilds,
    stops,
    emergency,
    artifacts,
    proofs,
    locks: sources.locks,
    async judge(
      question: FactQuestion,
    ): Promise<{ facts: PromotionFacts; verdict: Verdict } | null> {
      const facts = await gatherFacts(sources, question);
      return facts === null ? null : { facts, verdict: evaluatePromotion(facts) };
    },
    policyOf: async (target: string) => (await files()).targets.get(target) ?? null,
  };
}
