/** What was decided about: the promotion document and the files that it names by digest. */
import { sha256Hex } from '@airlock/common/encoding/hex';
import { EvidenceChanges, type EvidenceFile } from '@airlock/common/evidence/format';
import { rulesAsked } from '@airlock/common/policy/needed-rules';
import type { NeededRule } from '@airlock/common/policy/target-approvals';
import { Roster, TargetPolicy } from '@airlock/common/policy/target-policy';
import {
  parsePromotionDocument,
  promotionDigest,
  type PromotionDocument,
} from '@airlock/common/promotion/document';
import { waiverOf } from '@airlock/common/promotion/waiver';
import type { z } from 'zod';
import type { EvidenceArchive } from './files.ts';
import { EvidenceFault } from './report.ts';

/** Reads a YAML file as the gate does. Handed in, so that this package needs no parser of YAML. */
export type ReadYaml = <Value>(schema: z.ZodType<Value>, text: string, file: string) => Value;

export type Decided = {
  readonly document: PromotionDocument;
  /** What approvers signed. */
  readonly digest: string;
  readonly policy: TargetPolicy;
  readonly roster: Roster;
  /** Author and committer addresses of every change. */
  readonly emails: readonly string[];
  /** Those of the target file that these changes must meet. */
  readonly rules: readonly NeededRule[];
};

/** @throws when a file is not the one that the document names. */
export function readDecided({ file, text }: EvidenceArchive, readYaml: ReadYaml): Decided {
  const bytes = file('promotion.json');
  const document = parsePromotionDocument(bytes);
  const named = (name: EvidenceFile, digest: string): void => {
    if (sha256Hex(file(name)) !== digest) {
      throw new EvidenceFault(`${name} is not the one that was approved`);
    }
  };
  named('policy.yaml', document.policy);
  named('roster.yaml', document.roster);
  named('changes.json', document.delta);
  const policy = readYaml(TargetPolicy, text('policy.yaml'), 'policy.yaml');
  if (policy.target !== document.target || policy.deliver.hook !== document.hook) {
    throw new EvidenceFault('policy.yaml is of another target or hook than promotion.json');
  }
  const changes = EvidenceChanges.parse(JSON.parse(text('changes.json')));
  const rules = rulesAsked(policy, changes, {
    ...document,
    isReturn: document.return !== undefined,
    waiver: waiverOf(document)?.kind ?? null,
  });
  if (document.rules !== undefined && JSON.stringify(document.rules) !== JSON.stringify(rules)) {
    throw new EvidenceFault('promotion.json names other rules than policy.yaml asks for');
  }
  if (policy.approvals.exclude.includes('policyEditors') && document.editors === undefined) {
    throw new EvidenceFault('policy.yaml excludes policy editors and promotion.json names none');
  }
  return {
    document,
    digest: promotionDigest(bytes),
    policy,
    roster: readYaml(Roster, text('roster.yaml'), 'roster.yaml'),
    emails: changes.emails,
    rules,
  };
}
