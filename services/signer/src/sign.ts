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
import {
  maySignPromotionRequest,
  maySignProvenance,
  maySignTestResult,
  type Refusal,
} from './domain/may-sign.ts';
import type { SignerConfig } from './config.ts';
import type { KeyName, LoadedKeys } from './key/signing-keys.ts';
import type { MainBranch } from './main-branch.ts';

export type Signed =
  | { signed: true; keyid: string; envelope: string }
  | { signed: false; reasons: readonly [Refusal, ...Refusal[]] };

export type StatementSigner = {
  provenance: (request: ProvenanceRequest) => Promise<Signed>;
  testResult: (request: TestResultRequest) => Promise<Signed>;
  promotionRequest: (request: PromotionRequestRequest) => Promise<Signed>;
};

export function createStatementSigner(ports: {
  config: Pick<SignerConfig, 'repository' | 'builderIds'>;
  keys: LoadedKeys['signing'];
  main: MainBranch;
}): StatementSigner {
  const { config, keys, main } = ports;

  function seal(name: KeyName, statement: Buffer): Signed {
    const key = keys[name];
    const envelope = signEnvelope(intotoPayloadType, statement, [key]);
    return { signed: true, keyid: key.keyid, envelope };
  }

  return {
    async provenance(request) {
      const { builder, subject, ref, commit, pipeline, release } = request;
      const facts = builder === 'main' ? await main.facts(commit, [pipeline, release]) : null;
      const decision = maySignProvenance(request, config.repository, facts);
      if (!decision.allowed) return { signed: false, reasons: decision.reasons };
      const { invocationId, startedOn, finishedOn } = request;
      const statement = provenanceStatement({
        subject: { name: subject.name, sha256: subject.sha256 },
        builderId: config.builderIds[builder],
        repository: config.repository,
        ...{ ref, commit, pipeline, release, invocationId, startedOn, finishedOn },
        pipelineBlob: decision.value.pipelineBlob,
      });
      return seal(builder, statement);
    },
    async testResult(request) {
      const { subject, pipeline, commit, result } = request;
      const decision = maySignTestResult(request, await main.facts(commit, [pipeline]));
      if (!decision.allowed) return { signed: false, reasons: decision.reasons };
      const { pipelineBlob } = decision.value;
      return seal('test', testResultStatement({ subject, result, pipeline, pipelineBlob }));
    },
    promotionRequest(request) {
      const decision = maySignPromotionRequest(request);
      if (!decision.allowed) return Promise.resolve({ signed: false, reasons: decision.reasons });
      const { subject, ...asked } = request;
      return Promise.resolve(seal('promotion', promotionRequestStatement(subject, asked)));
    },
  };
}
