/**
 * The document that approvals sign, built from facts. Intake builds it to store it; authority and deliverer build it again
 * from what they verified themselves and compare.
 */
import type { TargetPolicy } from '@airlock/common/policy/target-policy';
import { waiverMembers, type Waiver } from '@airlock/common/promotion/waiver';
import {
  promotionDigest,
  promotionDocument,
  type ReturnOrder,
} from '@airlock/common/promotion/document';
import { formatTimestamp } from '@airlock/common/time';
import { rulesFor } from '../domain/access.ts';
import { digestOfDelta, type Delta } from '../domain/delta.ts';

/** What signatures, mirror and clock said of the release; a promotion's row has the same names. */
export type DocumentFacts = {
  readonly id: string;
  readonly target: string;
  readonly release: string;
  readonly repository: string;
  readonly commit: string;
  readonly mainPosition: number;
  readonly subjectName: string;
  readonly artifactDigest: string;
  readonly bundleDigest: string;
  readonly provenanceDigest: string;
  readonly requester: string;
  /** Null for one that goes on along main. */
  readonly returns: ReturnOrder | null;
  readonly requestedAt: Date;
  readonly admittedAt: Date;
};

export type MadeDocument = {
  readonly document: Buffer;
  readonly promotionDigest: string;
  readonly expiresAt: Date;
};

export function makeDocument(given: {
  gate: string;
  facts: DocumentFacts;
  target: { readonly policy: TargetPolicy; readonly digest: string };
  rosterDigest: string;
  delta: Delta;
  /** Roster ids of the policy editors; null where the target file does not exclude them. */
  editors: readonly string[] | null;
  /** Who asked that it pass without its approvals or windows, and why; null where nobody did. */
  waiver: Waiver | null;
}): MadeDocument {
  const { facts, delta } = given;
  const { policy, digest } = given.target;
  const notAfter = formatTimestamp(
    new Date(facts.admittedAt.getTime() + policy.approvals.expires * 1000),
  );
  const document = promotionDocument({
    gate: given.gate,
    promotion: facts.id,
    target: facts.target,
    release: facts.release,
    repository: facts.repository,
    commit: facts.commit,
    position: facts.mainPosition,
    subject: facts.subjectName,
    artifact: facts.artifactDigest,
    bundle: facts.bundleDigest,
    provenance: facts.provenanceDigest,
    policy: digest,
    hook: policy.deliver.hook,
    params: policy.deliver.params,
    roster: given.rosterDigest,
    base: delta.base === null ? null : { commit: delta.base.commit, release: delta.base.release },
    rules: rulesFor(policy, facts, delta, given.waiver?.kind ?? null),
    ...(given.editors === null ? {} : { editors: [...given.editors] }),
    ...(facts.returns === null ? {} : { return: facts.returns }),
    ...waiverMembers(given.waiver),
    delta: digestOfDelta(delta),
    requester: facts.requester,
    requestedAt: formatTimestamp(facts.requestedAt),
    notAfter,
  });
  return {
    document,
    promotionDigest: promotionDigest(document),
    expiresAt: new Date(notAfter),
  };
}
