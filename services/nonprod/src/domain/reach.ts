/**
 * What a pipeline of a repository can reach, whatever its files say: each kind of run is put to the rules that decide at run
 * time, and runs of one place that get the same answers stand together.
 */
import type { RunEvent } from '@airlock/common/wire/runner-protocol';
import { matchesGlob } from '@airlock/pipeline/glob';
import { readableLevels, whyNotWritten } from './cache.ts';
import { filesFollowed, type FilesFrom } from './held-run.ts';
import { openPools, type Pool } from './pool.ts';
import { mayAskForPromotion } from './promotable.ts';
import type { PullRequestFacts } from './pull-request.ts';
import { refusalsToRead, type Refusal, type SecretFilters } from './secret-filter.ts';
import { builderThatSigns, type Builder } from './signing.ts';
import { trustLevelOf, type TrustLevel } from './trust-level.ts';

export interface ReachQuestion {
  readonly repository: {
    readonly name: string;
    readonly mainBranch: string;
    /** Globs over full refs, beside the main branch. */
    readonly protectedRefs: readonly string[];
    /** Whether its builds of main are signed. */
    readonly configured: boolean;
  };
  readonly pools: readonly Pool[];
  /** Those that have a value. */
  readonly secrets: readonly { readonly name: string; readonly filters: SecretFilters }[];
  readonly now: Date;
}

export interface ReachedSecret {
  readonly name: string;
  /** Pools in which it is given out. */
  readonly pools: readonly string[];
  /** Globs of the refs that read it; empty: every ref of the place. */
  readonly refs: readonly string[];
  /** Images whose plugins alone are given it; empty: any step. */
  readonly plugins: readonly string[];
  /** Only a run that a person has released. */
  readonly releasedOnly: boolean;
}

/** What every run of one place and these events gets. */
export interface Reach {
  readonly place: PlaceKind;
  /** The branch, or the glob of the protected refs; null where the kind says it all. */
  readonly refs: string | null;
  readonly events: readonly RunEvent[];
  readonly level: TrustLevel;
  readonly files: FilesFrom;
  /** That a workflow may choose by labels, the most trusted first; without labels it gets the first. */
  readonly pools: readonly string[];
  readonly secrets: readonly ReachedSecret[];
  readonly caches: {
    /** Levels whose entries are read. */
    readonly reads: readonly TrustLevel[];
    /** Pools in which entries of the run's own level are written, as long as it has read no secret. */
    readonly writes: readonly string[];
  };
  /** Whose key signs what is built; null: nothing is signed. */
  readonly signedBy: Builder | null;
  readonly promotable: boolean;
}

export type PlaceKind =
  | 'pull-request-of-strangers'
  | 'pull-request-of-members'
  | 'branch'
  | 'main'
  | 'protected-refs'
  | 'tag';

interface Place {
  readonly kind: PlaceKind;
  readonly refs: string | null;
  readonly events: readonly RunEvent[];
  /** Refs that stand for all of the place; the first one for those that no filter names. */
  readonly samples: readonly string[];
}

const ofPullRequests = ['pull_request', 'pull_request_closed', 'pull_request_metadata'] as const;
const ofBranches = ['push', 'cron', 'manual', 'deployment'] as const;
const ofTags = ['tag', 'release', 'manual', 'deployment'] as const;

export function reachOf(question: ReachQuestion): Reach[] {
  const { mainBranch, protectedRefs } = question.repository;
  const main = `refs/heads/${mainBranch}`;
  const named = question.secrets.flatMap(({ filters }) => filters.refs.map(sampleOf));
  const isProtected = (ref: string): boolean =>
    ref === main || protectedRefs.some((glob) => matchesGlob(glob, ref));
  const free = (prefix: string): string[] => [
    `${prefix}any-other`,
    ...named.filter((ref) => ref.startsWith(prefix) && !isProtected(ref)),
  ];
  // A pull request is known to filters by the branch that it is for.
  const bases = [main, ...named.filter((ref) => ref.startsWith('refs/heads/'))];
  const places: Place[] = [
    ...(['pull-request-of-strangers', 'pull-request-of-members'] as const).map((kind) => ({
      ...{ kind, refs: null, events: ofPullRequests, samples: bases },
    })),
    { kind: 'branch', refs: null, events: ofBranches, samples: free('refs/heads/') },
    { kind: 'tag', refs: null, events: ofTags, samples: free('refs/tags/') },
    ...protectedRefs
      .filter((glob) => glob !== main)
      .map((glob) => ({
        ...{ kind: 'protected-refs' as const, refs: glob },
        events: glob.startsWith('refs/tags/') ? ofTags : ofBranches,
        samples: [sampleOf(glob), ...named.filter((ref) => matchesGlob(glob, ref))],
      })),
    { kind: 'main', refs: mainBranch, events: ofBranches, samples: [main] },
  ];
  return places.flatMap((place) =>
    merged(place.events.map((event) => reachAt(question, place, event))),
  );
}

function reachAt(question: ReachQuestion, place: Place, event: RunEvent): Reach {
  const { repository, pools: all } = question;
  const [sample = ''] = place.samples;
  const isPull = place.kind.startsWith('pull-request');
  const ref = isPull ? 'refs/pull/1/head' : sample;
  const commit = '0'.repeat(40);
  const { level } = trustLevelOf(
    {
      ...{ event, ref, commit },
      pullRequest: isPull ? pullRequestAt(commit, repository.mainBranch) : null,
      authorIsMember: place.kind === 'pull-request-of-members',
      protectedRefs: [`refs/heads/${repository.mainBranch}`, ...repository.protectedRefs],
    },
    // Every ref of a place that a glob names matches that glob, its sample too.
    (glob, text) => glob === place.refs || matchesGlob(glob, text),
  );
  const files = filesFollowed(level);
  const pools = openPools(all, { repository: repository.name, level });
  const signed = repository.configured ? repository.name : '';
  const signedBy = builderThatSigns({ event, ref, repository, signed, files });
  return {
    ...{ place: place.kind, refs: place.refs, events: [event], level, files, signedBy },
    pools: pools.map(({ name }) => name),
    secrets: question.secrets.flatMap((secret) => {
      const reached = secretAt(secret, { question, place, event, level, pools });
      return reached === null ? [] : [reached];
    }),
    caches: {
      reads: readableLevels({ level }),
      writes: pools
        .filter(
          ({ trust }) => whyNotWritten({ level, poolTrust: trust, isPostReview: false }) === null,
        )
        .map(({ name }) => name),
    },
    promotable: signedBy !== null && isPromotable(signedBy),
  };
}

/** Null: no run of the place is given it. */
function secretAt(
  secret: ReachQuestion['secrets'][number],
  {
    question: { now },
    ...at
  }: {
    readonly question: ReachQuestion;
    readonly place: Place;
    readonly event: RunEvent;
    readonly level: TrustLevel;
    readonly pools: readonly Pool[];
  },
): ReachedSecret | null {
  const isPull = at.place.kind.startsWith('pull-request');
  const refusals = (sample: string, pool: Pool): Refusal[] =>
    refusalsToRead(secret, {
      run: {
        event: at.event,
        ref: isPull ? 'refs/pull/1/head' : sample,
        branch: sample.replace(/^refs\/(heads|tags)\//, ''),
        isProtected: at.level === 3,
        isStrangers: at.level === 0,
        isReleased: false,
        pool,
      },
      step: { name: '', image: '', kind: 'commands' },
      now,
    });
  const open = at.place.samples.flatMap((sample) =>
    at.pools.flatMap((pool) => {
      const rules = refusals(sample, pool).map(({ rule }) => rule);
      return rules.every((rule) => conditions.includes(rule)) ? [{ sample, pool, rules }] : [];
    }),
  );
  if (open.length === 0) return null;
  const asks = (rule: Refusal['rule']): boolean => open.every(({ rules }) => rules.includes(rule));
  return {
    name: secret.name,
    pools: at.pools.filter((pool) => open.some((one) => one.pool === pool)).map(({ name }) => name),
    refs: at.place.samples.every((sample) => open.some((one) => one.sample === sample))
      ? []
      : secret.filters.refs,
    plugins: asks('image') ? secret.filters.images : [],
    releasedOnly: asks('released'),
  };
}

/** Of these it is said what they ask for: the pipeline file, or a person, can do it. */
const conditions: readonly Refusal['rule'][] = ['image', 'released'];

/** By its builder alone: the target comes from the release file, and the reason from a person. */
function isPromotable(builder: Builder): boolean {
  const target = 'any';
  return mayAskForPromotion(
    { builder, targets: [target], taint: null, suspicion: null },
    { target, reason: 'asked for its builder alone' },
  ).allowed;
}

function pullRequestAt(commit: string, baseBranch: string): PullRequestFacts {
  const author = { provider: 'github', id: '1', name: 'author' };
  return { number: 1, headCommit: commit, headRepository: null, baseBranch, author, isFork: false };
}

/** A full ref that the glob stands for. */
function sampleOf(glob: string): string {
  const name = glob
    .replaceAll(/\{([^,{}]*)[^{}]*\}/g, '$1')
    .replaceAll(/\*+/g, 'any')
    .replaceAll('?', 'x');
  return name.startsWith('refs/') ? name : `refs/heads/${name}`;
}

/** Events with the same answers as one; in the order in which they come first. */
function merged(all: readonly Reach[]): Reach[] {
  const groups = new Map<string, Reach>();
  for (const reach of all) {
    const key = JSON.stringify({ ...reach, events: [] });
    const events = [...(groups.get(key)?.events ?? []), ...reach.events];
    groups.set(key, { ...reach, events });
  }
  return [...groups.values()];
}
