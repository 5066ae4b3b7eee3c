/** What a verdict rests on, and which stops hold it for that. */
import type { Roster } from '@airlock/common/policy/target-policy';
import type { Delta } from '../domain/delta.ts';
import { matterText } from '../domain/matter.ts';
import type { Promotion } from '../domain/promotion.ts';
import { placerOf } from '../domain/stop-words.ts';
import { excepts, holds } from '../domain/stop.ts';
import { buildWordsOf, mattersOf, tracesOf } from '../domain/trace.ts';
import type { PromotionFacts } from '../domain/verdict.ts';
import type { GateFiles } from './configuration-ports.ts';
import type { FactSources, LedgerAnswer } from './fact-sources.ts';
import type { PromotionEvidence } from './promotion-ports.ts';
import type { Checked } from './verify-again.ts';
import { packageMatters, readStops } from './watch-stops.ts';

export type StopFacts = Pick<PromotionFacts, 'exceptedFrom' | 'stops'>;

/** None while no ledger can be proven: nothing is delivered then, and what was lifted is not known. */
export async function stopsAgainst(
  sources: Pick<FactSources, 'stops' | 'locks'>,
  given: {
    ledger: LedgerAnswer;
    files: GateFiles;
    now: Date;
    promotion: Promotion;
    /** All but its packages, which are looked for while one is in quarantine. */
    matters: readonly string[];
    delivery: string | null;
  },
): Promise<StopFacts> {
  if ('fault' in given.ledger) return { exceptedFrom: [], stops: [] };
  const { people } = given.files.roster.roster;
  const inForce = await readStops(sources.stops, given.ledger.facts, given.now);
  const packages = await packageMatters(inForce, (purl) => sources.locks(given.promotion, purl));
  const promotion = { ...given.promotion, matters: [...given.matters, ...packages] };
  const stops = inForce
    .filter((stop) => holds(stop, promotion, given.delivery))
    .map(({ id, kind, matter, person, reason, placedAt, until }) => ({
      ...{ stop: id, kind, matter, reason, since: placedAt, until },
      person: people.find((each) => each.id === person)?.name ?? placerOf(person),
    }));
  const exceptedFrom = inForce.flatMap((stop) => (excepts(stop, promotion) ? [stop.id] : []));
  return { exceptedFrom, stops };
}

/** What it rests on, by the kernel's word where there is one: a row could leave a distrusted key out. */
export function restingOn(
  promotion: Promotion,
  given: {
    evidence: PromotionEvidence;
    checked: Checked;
    builders: PromotionFacts['builders'];
    approvals: Pick<PromotionFacts['approvals'], 'counting' | 'signedWith'>;
    roster: Roster;
    /** Of a return: what comes back by it. */
    brought: Delta | null;
  },
): readonly string[] {
  const { build, facts, delta } = given.checked;
  const changes = given.brought === null ? { delta } : { delta: given.brought, returns: null };
  const traces = tracesOf(
    { ...promotion, ...build, requester: facts.requester, ...changes },
    build === null
      ? buildWordsOf(given.evidence.bundle)
      : { runner: build.claimedRunner, images: build.runnerImages },
  );
  return [
    ...mattersOf(traces, given.roster),
    // Whoever else it rests on: their word or their hand is what lets it through.
    ...(given.builders.count?.agreeing ?? []).flatMap(({ builderId, keyIds }) => [
      matterText({ kind: 'builder', value: builderId }),
      ...keyIds.map((value) => matterText({ kind: 'key', value })),
    ]),
    ...given.approvals.counting.map((value) => matterText({ kind: 'person', value })),
    ...given.approvals.signedWith.map((value) => matterText({ kind: 'key', value })),
  ];
}
