import { payloadDigest } from '../domain/bundle.ts';
import { expandVersion, releasePath } from '@airlock/pipeline/release-file';
import { leadingWorkflow } from '@airlock/common/workflow-name';
import { releaseDay } from '../domain/release-name.ts';
import { signingBuilder } from '../domain/signing.ts';
import { invocationIdOf } from '../domain/run.ts';
import type { Events } from '../events.ts';
import type { CandidateStore, NewId, RunToSign, Signer, SourceMirror } from './ports.ts';
import { SignerError } from './signer-error.ts';

/**
 * Makes a candidate of every passed run that kept an artifact: provenance by the key of its builder, and for main the
 * test result. What the signer refuses is written on the run; an unreachable signer is tried again.
 */
export function createSignRuns(
  ports: {
    readonly candidates: CandidateStore;
    readonly signer: Signer;
    /** Of the one repository that the signer knows. */
    readonly mirror: Pick<SourceMirror, 'fileBlob'>;
    readonly events: Pick<Events, 'candidateSigned' | 'signingRefused'>;
    readonly newId: NewId;
  },
  settings: {
    readonly origin: string;
    readonly mainBranch: string;
    readonly repositoryUrl: string;
  },
): () => Promise<void> {
  const { candidates, signer, mirror, events, newId } = ports;

  async function sign(run: RunToSign): Promise<void> {
    if (run.repositoryUrl !== settings.repositoryUrl) {
      await refuse(
        run.runId,
        `Built and not signed: the signer of this installation signs for ${settings.repositoryUrl} alone.`,
      );
      return;
    }
    const { plan } = run;
    if (plan === null) {
      await refuse(
        run.runId,
        'Built and not signed: its plan, as the database keeps it, cannot be read. Retry the run.',
      );
      return;
    }
    const pipeline = leadingWorkflow(plan)?.file ?? '';
    const builder = signingBuilder(run.ref, settings.mainBranch);
    const recorded = {
      subject: { name: run.artifact.name, sha256: run.artifact.digest },
      repository: run.repositoryUrl,
      ref: run.ref,
      commit: run.commit,
      pipeline,
      release: releasePath,
      invocationId: invocationIdOf(settings.origin, run.runId),
      attestation: run.attestation,
      plan,
    };
    const provenance = await signer.provenance({
      builder,
      ...recorded,
      claimedPipelineBlob: builder === 'pr' ? await mirror.fileBlob(run.commit, pipeline) : null,
    });
    const testResult = builder === 'main' ? await signer.testResult(recorded) : null;
    const template = plan.release?.version ?? null;
    const id = newId('cand');
    const result = await candidates.record({
      id,
      runId: run.runId,
      builder,
      version: template === null ? null : expandVersion(template, run.commit),
      day: releaseDay(run.finishedAt),
      artifact: run.artifact,
      targets: plan.release?.targets ?? [],
      provenance,
      provenancePayloadDigest: payloadDigest(provenance),
      testResult,
    });
    if (!result.recorded) {
      await refuse(run.runId, 'There is a release of that version name already.');
      return;
    }
    events.candidateSigned({ id, runId: run.runId, builder, release: result.release });
  }

  async function refuse(runId: string, reason: string): Promise<void> {
    await candidates.refuse(runId, reason);
    events.signingRefused({ id: runId }, reason);
  }

  return async () => {
    for (const run of await candidates.wanted(16)) {
      try {
        await sign(run);
      } catch (error) {
        if (!(error instanceof SignerError) || error.code !== 'signer-refused') throw error;
        await refuse(run.runId, error.message);
      }
    }
  };
}
