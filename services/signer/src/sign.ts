/** Statements by this signer: decided in `domain/may-sign.ts`, written by the kernel, signed by the key of their kind. */
import type { Buffer } from 'node:buffer';
import { intotoPayloadType } from '@airlock/common/constants';
import { signEnvelope } from '@airlock/common/dsse/sign';
import { promotionRequestStatement } from '@airlock/common/intoto/promotion-request';
import { testResultStatement } from '@airlock/common/intoto/test-result';
import { provenanceStatement } from '@airlock/common/slsa/provenance';
import type {
  PromotionRequestRequest,
  ProvenanceRequest,
  TestResultRequest,
} from '@airlock/common/wire/signer-protocol';
import { planDifferences } from '@airlock/pipeline/plan-difference';
import { planDigest } from '@airlock/pipeline/plan-digest';
import { planMain } from '@airlock/pipeline/run-plan';
import { readAttestedRun, type ReadRun, type Runners } from './domain/attested-run.ts';
import {
  maySignPromotionRequest,
  maySignProvenance,
  maySignTestResult,
  type KnownCommit,
  type KnownPlan,
  type SigningRules,
} from './domain/may-sign.ts';
import type { Refusal } from './domain/refusal.ts';
import type { SignerConfig } from './config.ts';
import type { KeyName, LoadedKeys } from './key/signing-keys.ts';
import type { MainBranch } from './main-branch.ts';

export type Signed =
  | { signed: true; keyids: readonly string[]; envelope: string }
  | { signed: false; reasons: readonly [Refusal, ...Refusal[]] };

export type StatementSigner = {
  provenance: (request: ProvenanceRequest) => Promise<Signed>;
  testResult: (request: TestResultRequest) => Promise<Signed>;
  promotionRequest: (request: PromotionRequestRequest) => Promise<Signed>;
};

export function createStatementSigner(ports: {
  config: Pick<SignerConfig, 'repository' | 'builderIds'>;
  keys: LoadedKeys['signing'];
  runners: Runners;
  main: MainBranch;
  unisolatedRuns: boolean;
  now: () => Date;
}): StatementSigner {
  const { config, keys, runners, main, now } = ports;
  const rules: SigningRules = {
    repository: config.repository,
    unisolatedRuns: ports.unisolatedRuns,
  };

  function seal(name: KeyName, statement: Buffer): Signed {
    const envelope = signEnvelope(intotoPayloadType, statement, keys[name]);
    return { signed: true, keyids: keys[name].map(({ keyid }) => keyid), envelope };
  }

  async function known(request: TestResultRequest, attested: ReadRun): Promise<KnownCommit> {
    const { commit, pipeline, release } = request;
    const facts = await main.facts(commit, [pipeline, release]);
    if (facts === null) return { facts, source: null, plan: null };
    const source = await main.source(commit);
    const planned = planMain(await main.planFiles(commit));
    if (planned.kind !== 'run') {
      const fault = planned.kind === 'nothing' ? planned.why : planned.reason;
      return { facts, source, plan: { ok: false, fault } };
    }
    const { plan } = planned;
    // Nonprod's word for what ran is as good as the runner's when it has the digest that the runner signed.
    const ran = attested.ok && planDigest(request.plan) === attested.run.plan ? request.plan : null;
    const found: KnownPlan = {
      ok: true,
      digest: planDigest(plan),
      differences: ran === null ? [] : planDifferences(plan, ran),
    };
    return { facts, source, plan: found };
  }

  return {
    async provenance(request) {
      const { builder, release } = request;
      const attested = readAttestedRun(
        request.attestation,
        runners,
        config.builderIds[builder],
        now(),
      );
      const commit = builder === 'main' ? await known(request, attested) : null;
      const decision = maySignProvenance(request, rules, attested, commit);
      if (!decision.allowed) return { signed: false, reasons: decision.reasons };
      const { run, pipelineBlob } = decision.value;
      const statement = provenanceStatement({
        subject: run.subject,
        builderId: config.builderIds[builder],
        repository: config.repository,
        ...{ ref: run.ref, commit: run.commit, pipeline: run.pipeline, release, pipelineBlob },
        invocationId: run.invocationId,
        ...{ startedOn: run.startedOn, finishedOn: run.finishedOn },
        ran: {
          ...{ planDigest: run.plan, runnerImage: run.image, runner: run.runner },
          planRederived: builder === 'main',
        },
      });
      return seal(builder, statement);
    },
    async testResult(request) {
      const { main: builderId } = config.builderIds;
      const attested = readAttestedRun(request.attestation, runners, builderId, now());
      const decision = maySignTestResult(request, rules, attested, await known(request, attested));
      if (!decision.allowed) return { signed: false, reasons: decision.reasons };
      const { run, pipelineBlob } = decision.value;
      const { subject, pipeline } = run;
      return seal(
        'test',
        testResultStatement({ subject, result: 'PASSED', pipeline, pipelineBlob }),
      );
    },
    promotionRequest(request) {
      const decision = maySignPromotionRequest(request);
      if (!decision.allowed) return Promise.resolve({ signed: false, reasons: decision.reasons });
      const { subject, ...asked } = request;
      return Promise.resolve(seal('promotion', promotionRequestStatement(subject, asked)));
    },
  };
}
