/**
 * What a promotion rests on, thing by thing: the traces by which it is found when one of them turns out to be bad. They are read
 * out of what was verified when it was taken in; a trace decides nothing about a delivery.
 */
import { intotoPayloadType, provenancePredicate } from '@airlock/common/constants';
import { parseEnvelope } from '@airlock/common/dsse/envelope';
import { AirlockError } from '@airlock/common/errors';
import { parseStatement } from '@airlock/common/intoto/statement';
import type { Roster } from '@airlock/common/policy/target-policy';
import { Provenance, runnerImageUri } from '@airlock/common/slsa/provenance';
import { matterText, type Matter } from './matter.ts';
import type { Promotion } from './promotion.ts';

/**
 * `change`: a commit that the release brings. `email`, `requester`: of a person, as git and the signed request name them.
 * `package`: a purl, once without and once with its version.
 */
export const traceKinds = [
  'key',
  'builder',
  'artifact',
  'commit',
  'change',
  'runner',
  'image',
  'requester',
  'email',
  'package',
] as const;
export type TraceKind = (typeof traceKinds)[number];

export type Trace = { readonly kind: TraceKind; readonly value: string };

/** Value of a trace that says that there is more of its kind than is known, so that nothing can be ruled out. */
export const unknownValue = '';

/** What provenance says of who built and with what; believed as far as its keys are. */
export type BuildWords = {
  /** Null where it says none. */
  readonly runner: string | null;
  readonly images: readonly string[];
};

export type Traced = Pick<
  Promotion,
  'keyIds' | 'builderId' | 'artifactDigest' | 'commit' | 'requester' | 'delta' | 'returns'
>;

/** All traces of a promotion but its packages, each once. */
export function tracesOf(promotion: Traced, { runner, images }: BuildWords): Trace[] {
  const orUnknown = (values: readonly string[]) => (values.length === 0 ? [unknownValue] : values);
  return [
    ...all('key', promotion.keyIds),
    ...all('builder', [promotion.builderId]),
    ...all('artifact', [promotion.artifactDigest]),
    ...all('commit', [promotion.commit]),
    ...all('runner', orUnknown(runner === null ? [] : [runner])),
    ...all('image', orUnknown(images)),
    ...all('requester', [promotion.requester]),
    ...changeTraces(promotion),
  ];
}

/**
 * Of what it changes, which is another thing when something else has gone live meanwhile. A return lists what it takes away; it
 * brings what the release brought that it leads to, whose traces are those to be taken.
 */
export function changeTraces({
  commit,
  delta,
  returns,
}: Pick<Traced, 'commit' | 'delta' | 'returns'>): Trace[] {
  if (returns !== null) return [];
  const commits = delta.commits.map((each) => each.commit).filter((each) => each !== commit);
  return [
    ...all('change', commits),
    // A long delta does not list all of its commits.
    ...(delta.commitCount > delta.commits.length ? all('change', [unknownValue]) : []),
    ...all('email', delta.emails),
  ];
}

const all = (kind: TraceKind, values: readonly string[]): Trace[] =>
  [...new Set(values)].map((value) => ({ kind, value }));

/** Of the bundle as it was admitted; what cannot be read says nothing. */
export function buildWordsOf(bundle: Uint8Array): BuildWords {
  for (const line of Buffer.from(bundle).toString('utf8').split('\n')) {
    const provenance = provenanceIn(line);
    if (provenance === null) continue;
    const { internalParameters, resolvedDependencies } = provenance.buildDefinition;
    return {
      runner: internalParameters.runner ?? null,
      images: resolvedDependencies
        .filter(({ uri }) => uri === runnerImageUri)
        .flatMap(({ digest }) => digest['sha256'] ?? []),
    };
  }
  return { runner: null, images: [] };
}

function provenanceIn(line: string): Provenance | null {
  if (line === '') return null;
  try {
    const { payload } = parseEnvelope(Buffer.from(line, 'utf8'), intotoPayloadType);
    const { predicateType, predicate } = parseStatement(payload);
    if (predicateType !== provenancePredicate) return null;
    return Provenance.safeParse(predicate).data ?? null;
  } catch (cause) {
    if (cause instanceof AirlockError) return null;
    throw cause;
  }
}

/** A trace that is looked for. Not certain: the promotion does not say enough to be ruled out. */
export type Term = Trace & { readonly isCertain: boolean };

/** By which traces the promotions that rest on it are found. */
export function termsOf({ kind, value }: Matter, roster: Roster): Term[] {
  const sure = (traceKind: TraceKind, ...values: readonly string[]): Term[] =>
    values.map((each) => ({ kind: traceKind, value: each, isCertain: true }));
  const unsaid = (traceKind: TraceKind): Term[] => [
    { kind: traceKind, value: unknownValue, isCertain: false },
  ];
  switch (kind) {
    case 'key':
    case 'builder':
    case 'artifact':
      return sure(kind, value);
    case 'runner':
    case 'image':
    case 'package':
      return [...sure(kind, value), ...unsaid(kind)];
    case 'commit':
      return [...sure('commit', value), ...sure('change', value), ...unsaid('change')];
    case 'person': {
      const person = roster.people.find(({ id }) => id === value);
      return [
        ...sure('requester', ...new Set([value, ...(person === undefined ? [] : [person.nameId])])),
        ...sure('email', ...(person?.gitEmails ?? [])),
      ];
    }
  }
}

/** What of a promotion a quarantine can be of, as `kind:value`; nothing after the colon: of that kind not all is known. */
export function mattersOf(
  traces: readonly Trace[],
  { people }: Pick<Roster, 'people'>,
): readonly string[] {
  const matters = traces.flatMap(({ kind, value }) => {
    switch (kind) {
      case 'change':
        return [matterText({ kind: 'commit', value })];
      case 'requester':
      case 'email':
        return people
          .filter((person) =>
            kind === 'email'
              ? person.gitEmails.includes(value)
              : person.id === value || person.nameId === value,
          )
          .map(({ id }) => matterText({ kind: 'person', value: id }));
      default:
        return [matterText({ kind, value })];
    }
  });
  return [...new Set(matters)];
}
