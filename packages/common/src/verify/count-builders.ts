/**
 * How many builders that do not depend on each other made the bytes that are to be delivered.
 *
 * With one, whoever owns the main runner or its signer puts bytes of their choice under a true commit. A second builder
 * counts only if neither its key nor its administrators are those of another that counts, and if it says by its own
 * signature that the same commit and the same plan gave the same bytes.
 */
import { isAdmissionCode, type AdmissionCode } from './admission-codes.ts';
import { provenancePredicate } from '../constants.ts';
import { AirlockError } from '../errors.ts';
import {
  parseRebuildDifference,
  RebuildDifferenceError,
  type RebuildDifference,
} from '../intoto/rebuild-difference.ts';
import type { AdmissionPolicy } from '../policy/admission-policy.ts';
import { Provenance } from '../slsa/provenance.ts';
import type { TrustStore } from '../trust/signer.ts';
import { checkProvenance, type BuildClaims } from './check-provenance.ts';
import { readStatement, type SignedStatement } from './read-bundle.ts';
import type { BundleFacts } from './verify-promotion-bundle.ts';

/** What a builder that was asked to build again handed back, as it came. */
export type RebuildAnswer = {
  /** A DSSE envelope of SLSA provenance, one line without LF. */
  readonly envelope: Uint8Array;
  /** The same for its list of what differs; null when nothing does. */
  readonly difference: Uint8Array | null;
  /** When the gate got it: key windows are judged as of then. */
  readonly receivedAt: Date;
  /** Whether the signed ledger has it; what is not there yet does not count for a delivery. */
  readonly isRecorded: boolean;
};

export type MainBuild = Pick<
  BundleFacts,
  'builderId' | 'keyIds' | 'artifactDigest' | 'commit' | 'pipelineBlob' | 'planDigest'
>;

export type CountedBuilder = {
  readonly builderId: string;
  readonly adminDomain: string;
  readonly keyIds: readonly string[];
};

export type DifferingBuilder = {
  readonly builderId: string;
  readonly keyIds: readonly string[];
  /** SHA-256 of what it made. */
  readonly artifactDigest: string;
  /** As the builder signed it; null when it sent none that can be read. */
  readonly difference: RebuildDifference | null;
};

export type DiscountedAnswer = {
  /** As the answer claims; null when it cannot be read that far. */
  readonly builderId: string | null;
  /** Empty when it cannot be read that far. */
  readonly keyIds: readonly string[];
  readonly code: DiscountCode;
  /** For people. May quote what the sender wrote, escaped. */
  readonly detail: string;
};

export type DiscountCode =
  | AdmissionCode
  /** A builder that the target does not list. */
  | 'E_REBUILD_BUILDER'
  /** Its key is one that signed the main provenance, or that another answer counted with. */
  | 'E_REBUILD_KEY'
  /** Its administrators are those of another builder that counts, or are not stated in the trust row. */
  | 'E_REBUILD_DOMAIN'
  /** It built another commit or another pipeline. */
  | 'E_REBUILD_COMMIT'
  /** It ran another plan than the main builder says it ran. */
  | 'E_REBUILD_PLAN'
  /** It is not in the signed ledger yet. */
  | 'E_REBUILD_UNRECORDED';

export type BuilderCount = {
  /** The main builder and all that agree with it and are independent. */
  readonly have: number;
  readonly agreeing: readonly CountedBuilder[];
  /** A listed builder that signed for other bytes of the same commit, independent or not. */
  readonly differing: readonly DifferingBuilder[];
  readonly discounted: readonly DiscountedAnswer[];
  /** Listed builders of whom there is no answer about this build. */
  readonly silent: readonly string[];
};

export type BuilderQuestion = {
  readonly main: MainBuild;
  /** In the order in which they came. */
  readonly answers: readonly RebuildAnswer[];
  /** Builder ids that the target lists, compared exactly. */
  readonly of: readonly string[];
  readonly policy: AdmissionPolicy;
  readonly trust: TrustStore;
  readonly now: Date;
};

/**
 * Never throws for anything a builder can send.
 *
 * A difference is never outvoted: a builder that said two things is one that differs, whichever it said first.
 */
export function countBuilders(question: BuilderQuestion): BuilderCount {
  const { main, trust } = question;
  const agreeing: CountedBuilder[] = [];
  const differing: DifferingBuilder[] = [];
  const discounted: DiscountedAnswer[] = [];
  const answered = new Set<string>();
  const mainDomains = domainsOf(trust, main.keyIds);
  for (const answer of question.answers) {
    const read = readAnswer(question, answer);
    if (!read.ok) {
      discounted.push(read.discounted);
      continue;
    }
    const { builderId, claims, artifactDigest } = read;
    const discount = (code: DiscountCode, detail: string): void => {
      discounted.push({ builderId, keyIds: claims.keyIds, code, detail });
    };
    if (claims.commit !== main.commit || claims.pipelineBlob !== main.pipelineBlob) {
      discount('E_REBUILD_COMMIT', `it built ${claims.commit}, asked was ${main.commit}`);
      continue;
    }
    if (claims.planDigest !== main.planDigest) {
      discount(
        'E_REBUILD_PLAN',
        `it ran plan sha256 ${String(claims.planDigest)}, the main builder ${String(main.planDigest)}`,
      );
      continue;
    }
    answered.add(builderId);
    if (artifactDigest !== main.artifactDigest) {
      const difference = readDifference(question, answer, artifactDigest);
      differing.push({ builderId, keyIds: claims.keyIds, artifactDigest, difference });
      continue;
    }
    if (agreeing.some((other) => other.builderId === builderId)) continue;
    if (!answer.isRecorded) {
      discount('E_REBUILD_UNRECORDED', 'it is on its way into the signed ledger');
      continue;
    }
    const others = [{ keyIds: main.keyIds }, ...agreeing].flatMap(({ keyIds }) => keyIds);
    const shared = claims.keyIds.find((keyid) => others.includes(keyid));
    if (shared !== undefined) {
      discount('E_REBUILD_KEY', `key ${shared} speaks for another builder of this release, too`);
      continue;
    }
    const domains = domainsOf(trust, claims.keyIds);
    const taken = [...mainDomains, ...agreeing.map(({ adminDomain }) => adminDomain)];
    const [adminDomain] = domains;
    if (adminDomain === null || adminDomain === undefined || taken.includes(null)) {
      discount(
        'E_REBUILD_DOMAIN',
        `the trust rows do not say who administers ${adminDomain == null ? builderId : main.builderId}; set adminDomain`,
      );
      continue;
    }
    const common = domains.find((domain) => taken.includes(domain));
    if (common !== undefined) {
      discount('E_REBUILD_DOMAIN', `its administrators, ${String(common)}, are another builder's`);
      continue;
    }
    agreeing.push({ builderId, adminDomain, keyIds: claims.keyIds });
  }
  return {
    have: 1 + agreeing.length,
    agreeing,
    differing,
    discounted,
    silent: question.of.filter((builderId) => !answered.has(builderId)),
  };
}

type ReadAnswer =
  | {
      readonly ok: true;
      readonly builderId: string;
      readonly claims: BuildClaims;
      readonly artifactDigest: string;
    }
  | { readonly ok: false; readonly discounted: DiscountedAnswer };

function readAnswer(question: BuilderQuestion, answer: RebuildAnswer): ReadAnswer {
  let builderId: string | null = null;
  try {
    const at = { receivedAt: answer.receivedAt, now: question.now };
    const signed = readStatement(answer.envelope, question.trust, at);
    const claimed = claimedBuilder(signed);
    const listed = question.of.find((id) => id === claimed);
    if (listed === undefined || listed === question.main.builderId) {
      const detail = `${JSON.stringify(claimed?.slice(0, 200) ?? null)} is no builder that this target lists`;
      return {
        ok: false,
        discounted: { builderId, keyIds: [], code: 'E_REBUILD_BUILDER', detail },
      };
    }
    builderId = listed;
    const policy = { ...question.policy, builderId, threshold: 1 };
    const claims = checkProvenance(signed, policy, at);
    return { ok: true, builderId, claims, artifactDigest: signed.statement.subject.sha256 };
  } catch (error) {
    if (!(error instanceof AirlockError) || !isAdmissionCode(error.code)) throw error;
    return {
      ok: false,
      discounted: { builderId, keyIds: [], code: error.code, detail: error.message },
    };
  }
}

function claimedBuilder({ statement }: SignedStatement): string | null {
  if (statement.predicateType !== provenancePredicate) return null;
  const read = Provenance.safeParse(statement.predicate);
  return read.success ? read.data.runDetails.builder.id : null;
}

/** Null for anything but a difference of exactly these two artifacts; that the bytes differ is known without it. */
function readDifference(
  { main, trust, now }: BuilderQuestion,
  { difference, receivedAt }: RebuildAnswer,
  artifactDigest: string,
): RebuildDifference | null {
  if (difference === null) return null;
  try {
    const { statement } = readStatement(difference, trust, { receivedAt, now });
    const read = parseRebuildDifference(statement);
    const isOfThese =
      statement.subject.sha256 === artifactDigest && read.claimed === main.artifactDigest;
    return isOfThese ? read : null;
  } catch (error) {
    if (error instanceof RebuildDifferenceError) return null;
    if (error instanceof AirlockError && isAdmissionCode(error.code)) return null;
    throw error;
  }
}

function domainsOf(trust: TrustStore, keyIds: readonly string[]): (string | null)[] {
  return keyIds.map((keyid) => trust.signers.get(keyid)?.adminDomain ?? null);
}
