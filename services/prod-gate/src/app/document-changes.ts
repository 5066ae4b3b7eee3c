/** Whether what was signed is still what would be signed today. */
import type { Waiver } from '@airlock/common/promotion/waiver';
import {
  parsePromotionDocument,
  promotionDigest,
  type PromotionDocument,
} from '@airlock/common/promotion/document';
import type { PolicyEditors } from '../domain/editors.ts';
import type { ProvenRelease } from '../domain/ledger-facts.ts';
import type { Promotion } from '../domain/promotion.ts';
import type { PromotionFacts } from '../domain/verdict.ts';
import type { FactSources } from './fact-sources.ts';
import { makeDocument, type DocumentFacts } from './make-document.ts';
import type { GateFiles } from './configuration-ports.ts';
import type { PromotionEvidence } from './promotion-ports.ts';
import type { Checked } from './verify-again.ts';

/** Compares the signed document with the one that today's facts would make. */
export function changes(
  sources: FactSources,
  given: Checked & {
    promotion: Promotion;
    evidence: PromotionEvidence;
    files: GateFiles;
    live: ProvenRelease | null;
    editors: PolicyEditors;
    waiver: Waiver | null;
  },
): PromotionFacts['changed'] {
  const { promotion, evidence, files } = given;
  const signed = parsePromotionDocument(evidence.document);
  const fields: string[] = [];
  if (promotionDigest(evidence.document) !== promotion.promotionDigest) fields.push('digest');
  const target = files.targets.get(promotion.target);
  if (target === undefined) {
    return { policy: true, roster: false, editors: false, base: null, fields };
  }
  const now = parsePromotionDocument(
    makeDocument({
      gate: sources.gate,
      facts: given.facts,
      target,
      rosterDigest: files.roster.digest,
      delta: given.delta,
      editors: given.editors.people,
      waiver: given.waiver,
    }).document,
  );
  const base = live(given.live);
  const baseChanged =
    signed.base?.commit !== base?.commit || signed.base?.release !== base?.release;
  const policyChanged = signed.policy !== now.policy;
  // What follows from a changed policy or base is told once, by its cause.
  const explained = new Set<keyof PromotionDocument>([
    'policy',
    'roster',
    'base',
    'editors',
    ...(policyChanged ? (['hook', 'params', 'notAfter', 'rules'] as const) : []),
    ...(baseChanged ? (['delta', 'rules'] as const) : []),
  ]);
  for (const field of new Set([...documentFields(signed), ...documentFields(now)])) {
    if (explained.has(field)) continue;
    if (JSON.stringify(signed[field]) !== JSON.stringify(now[field])) fields.push(field);
  }
  fields.push(...rowDifferences(promotion, given.facts, signed));
  return {
    policy: policyChanged,
    roster: signed.roster !== now.roster,
    editors: JSON.stringify(signed.editors) !== JSON.stringify(now.editors),
    base: baseChanged ? { was: signed.base?.release ?? null, now: base?.release ?? null } : null,
    fields,
  };
}

const factsInRow = [
  'release',
  'repository',
  'commit',
  'mainPosition',
  'subjectName',
  'artifactDigest',
  'bundleDigest',
  'provenanceDigest',
  'requester',
] as const satisfies readonly (keyof DocumentFacts)[];

/** What comes after the verdict (claims, hook, what is called live) is taken from the row, so the row must say the same. */
function rowDifferences(row: Promotion, facts: DocumentFacts, signed: PromotionDocument): string[] {
  const differing: string[] = factsInRow.filter((name) => row[name] !== facts[name]);
  if (row.hook !== signed.hook) differing.push('hook');
  if (row.policyDigest !== signed.policy) differing.push('policyDigest');
  if (row.expiresAt.getTime() !== Date.parse(signed.notAfter)) differing.push('expiresAt');
  return differing;
}

function live(release: ProvenRelease | null): PromotionDocument['base'] {
  return release === null ? null : { commit: release.commit, release: release.release };
}

function documentFields(document: PromotionDocument): (keyof PromotionDocument)[] {
  // A strict schema parsed it, so its keys are exactly the schema's.
  return Object.keys(document) as (keyof PromotionDocument)[];
}
