/** The bundle and the document's own facts, verified as of now and not believed because a row has them. */
import { AirlockError } from '@airlock/common/errors';
import { admissionPolicyOf } from '@airlock/common/policy/admission-policy';
import type { ReturnOrder } from '@airlock/common/promotion/document';
import {
  decideAdmission,
  verifyPromotionBundle,
  type AdmittedFacts,
  type BundleFacts,
} from '@airlock/common/verify/verify-promotion-bundle';
import { reproduceWish } from '@airlock/pipeline/release-file';
import type { Delta } from '../domain/delta.ts';
import type { ProvenRelease } from '../domain/ledger-facts.ts';
import type { Promotion } from '../domain/promotion.ts';
import type { PromotionFacts, Refusal } from '../domain/verdict.ts';
import { commitFacts } from './commit-facts.ts';
import { planFault } from './derive-plan.ts';
import type { FactSources, LedgerAnswer } from './fact-sources.ts';
import type { GitReader } from './intake-ports.ts';
import type { DocumentFacts } from './make-document.ts';
import type { GateFiles } from './configuration-ports.ts';
import type { PromotionEvidence } from './promotion-ports.ts';
import { withArtifact, wordsOfDamage } from './read-artifact-delta.ts';
import { readDelta, readReturnDelta } from './read-delta.ts';
import { remembered } from './remembered.ts';

export type Checked = {
  readonly bundle: PromotionFacts['bundle'];
  /** Verified ones where the bundle was, the row's otherwise. */
  readonly facts: DocumentFacts;
  readonly delta: Delta;
  /** What the main builder signed; null when its bundle does not pass. */
  readonly build: BundleFacts | null;
  /** Builders that the release file at the commit asks for, as the row says where there is no mirror. */
  readonly wish: number;
};

/** Runs the bundle through the kernel again, with the key windows as of its admission and revocation and age as of now. */
export async function verifyAgain(
  sources: FactSources,
  given: {
    promotion: Promotion;
    evidence: PromotionEvidence;
    files: GateFiles;
    now: Date;
    receivedAt: Date;
    live: ProvenRelease | null;
    ledger: LedgerAnswer;
    /** Whether this is asked for a delivery that has begun. */
    inDelivery: boolean;
  },
): Promise<Checked> {
  const { promotion, files, now, live, ledger } = given;
  const recorded = {
    ...{ facts: promotion, delta: promotion.delta },
    ...{ build: null, wish: promotion.reproduce },
  };
  const refused = (code: string, detail: string): Checked => {
    const bundle: Refusal = { ok: false, code, detail };
    return { bundle, ...recorded };
  };
  const target = files.targets.get(promotion.target);
  const git = sources.git?.(promotion.repository);
  if (target === undefined || (sources.git !== null && git === undefined)) {
    return refused('E_GIT_UNKNOWN', `this gate has no mirror of ${promotion.repository}`);
  }
  // Said once, as the ledger's fault.
  if ('fault' in ledger) return { bundle: null, ...recorded };
  const policy = admissionPolicyOf(target.policy);
  const verified = verifyPromotionBundle({
    bundle: given.evidence.bundle,
    artifact: { sha256: promotion.artifactDigest },
    target: promotion.target,
    policies: new Map([[promotion.target, policy]]),
    trust: files.trust,
    now,
    receivedAt: given.receivedAt,
  });
  // Without a mirror, too: a page does not promise a delivery that a revoked key forbids.
  if (!verified.ok) return refused(verified.code, verified.detail);
  const { bundle } = verified;
  const { contents } = sources;
  if (git === undefined || contents === null) return { bundle: null, ...recorded, build: bundle };
  const decided = decideAdmission(bundle, {
    policy,
    commit: await commitFacts(git, {
      repository: bundle.repository,
      commit: bundle.commit,
      paths: [bundle.pipeline],
      roster: files.roster.roster,
      ledger: ledger.facts,
      seenAt: null,
      now,
    }),
    // Its own admission is what stands in the records; what is live is asked by the verdict itself.
    state: {
      envelopes: new Set(),
      payloads: new Set(),
      invocations: new Map(),
      lastPosition: null,
    },
  });
  if (!decided.ok) return refused(decided.code, decided.detail);
  const otherPlan = await planFault(git, bundle, target.policy);
  if (otherPlan !== null) return refused(otherPlan.code, otherPlan.detail);
  const base = live === null ? null : { commit: live.commit, release: live.release };
  const told =
    promotion.returns === null || base === null
      ? await readDelta(git, { base, commit: bundle.commit })
      : await readReturnDelta(git, { base, commit: bundle.commit });
  if (told === null) return refused('E_DELTA_TOO_LARGE', 'more commits than can be listed');
  const compared = await withArtifact(told, contents, {
    ...{ live, artifactDigest: bundle.artifactDigest },
  }).catch(wordsOfDamage);
  // Before a delivery the record stands in, so that a delivery begins and says of its copy that it is damaged. A login rests
  // on nothing that could not be compared.
  if (typeof compared === 'string' && given.inDelivery) {
    return refused('E_ARTIFACT_DIGEST', compared);
  }
  const recordedArtifact = promotion.delta.artifact;
  const delta =
    typeof compared !== 'string'
      ? compared
      : { ...told, ...(recordedArtifact === undefined ? {} : { artifact: recordedArtifact }) };
  return {
    bundle: { ok: true },
    facts: documentFacts(promotion, decided.facts),
    delta,
    build: bundle,
    wish: await wishOf(git, bundle),
  };
}

/** How many builders the release file asks for that the gate's own mirror has at this commit. */
export async function wishOf(
  git: Pick<GitReader, 'readBlob'>,
  { commit, releaseFile }: { readonly commit: string; readonly releaseFile: string },
): Promise<number> {
  const wish = await wishOnce(git, `${commit} ${releaseFile}`, async () => {
    try {
      const file = await git.readBlob(commit, releaseFile);
      return file === null ? null : reproduceWish(file.toString('utf8'));
    } catch (cause) {
      // It will not be shorter the next time; no parser accepts what is too large to be read.
      if (cause instanceof AirlockError && cause.code === 'git-too-large') return reproduceWish('');
      throw cause;
    }
  });
  return wish ?? reproduceWish(null);
}

/** Null where there is no such file, which may be because the commit has not come yet. */
const wishOnce = remembered<number | null>(64, (wish) => wish !== null);

/** What of a document is the gate's own to say. */
export type DocumentRecord = Pick<Promotion, 'id' | 'admittedAt'> &
  (
    | { readonly returns: null }
    | (Pick<Promotion, 'requester' | 'requestedAt'> & { readonly returns: ReturnOrder })
  );

/** What of the document follows from the bundle as the kernel admitted it. */
export function documentFacts(record: DocumentRecord, facts: AdmittedFacts): DocumentFacts {
  return {
    id: record.id,
    target: facts.target,
    release: facts.release,
    repository: facts.repository,
    commit: facts.commit,
    mainPosition: facts.position,
    subjectName: facts.subjectName,
    artifactDigest: facts.artifactDigest,
    bundleDigest: facts.bundleDigest,
    provenanceDigest: facts.provenanceDigest,
    // Who asks for a return asks the gate; everything else is as the bundle says.
    ...(record.returns === null
      ? { requester: facts.requester.id, requestedAt: new Date(facts.requestedAt) }
      : { requester: record.requester, requestedAt: record.requestedAt }),
    returns: record.returns,
    admittedAt: record.admittedAt,
  };
}
