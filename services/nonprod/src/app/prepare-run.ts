/**
 * What becomes of one commit: its trust, whose files it follows, where each of its workflows runs, and whether somebody has
 * to look first. Everything that starts a run asks here.
 */
import type { RunPlan } from '@airlock/common/wire/run-plan';
import type { RunEvent } from '@airlock/common/wire/runner-protocol';
import { occasionOf, skipsRun } from '@airlock/pipeline/occasion';
import { matchesGlob } from '@airlock/pipeline/glob';
import type { PlanFiles } from '@airlock/pipeline/plan-files';
import { releasePath } from '@airlock/pipeline/release-file';
import { planMain, planRun, type Planned } from '@airlock/pipeline/run-plan';
import { titleOf } from '@airlock/common/workflow-name';
import { budgetRefusal, triggerOf } from '../domain/budget.ts';
import { filesFollowed } from '../domain/held-run.ts';
import { placeWorkflow, type Pool } from '../domain/pool.ts';
import { quotaRefusal } from '../domain/quota.ts';
import { isBuiltForRelease } from '../domain/signing.ts';
import { trustLevelOf, type TrustLevel } from '../domain/trust-level.ts';
import { givenVariables } from '../domain/variable.ts';
import type { CommitDetails, NewId, NewJob, NewRun, SourceMirror } from './ports.ts';
import type { PlacementStore } from './pool-ports.ts';
import type { Quotas, QuotaStore } from './quota-ports.ts';
import type { VariableStore } from './variable-ports.ts';
import type { BudgetStore, Membership, PullRequestStore, RunTrust } from './trust-ports.ts';
import type { RunPeople, RunPerson } from './usage-ports.ts';

export interface RunWish {
  readonly repository: {
    readonly name: string;
    readonly mainBranch: string;
    /** Globs over full refs that count as protected, beside the main branch. */
    readonly protectedRefs: readonly string[];
  };
  readonly event: RunEvent;
  readonly ref: string;
  readonly commit: string;
  /** The commit that the ref was at before; null for a new ref, and for what was not a push. */
  readonly before: string | null;
  readonly branch: string;
  readonly pullRequest: number | null;
  /** Of a tag or release. */
  readonly tag: string | null;
  /** Of a pull request, as its forge tells. */
  readonly sourceBranch: string | null;
  /** Name of the schedule. */
  readonly cron: string | null;
  readonly deployTo: string | null;
  readonly variables: Readonly<Record<string, string>>;
  /** Of a run that a person asked for. */
  readonly askedBy: string | null;
}

export type Prepared =
  | { readonly kind: 'run'; readonly run: NewRun }
  /** Nothing is wanted for this commit. */
  | { readonly kind: 'nothing'; readonly why: string };

export interface PreparePorts {
  readonly mirrors: { of(repository: string): SourceMirror };
  readonly pools: Pick<PlacementStore, 'pools'>;
  readonly pullRequests: PullRequestStore;
  readonly members: Membership;
  readonly budgets: Pick<BudgetStore, 'today'>;
  readonly uses: Pick<QuotaStore, 'use'>;
  readonly quotas: Quotas;
  readonly variables: Pick<VariableStore, 'of'>;
  readonly people: RunPeople;
  readonly newId: NewId;
}

export interface PrepareSettings {
  /** Whether runs of strangers wait until a member releases them. */
  readonly pullRequests: 'run' | 'hold';
  readonly maxArtifactBytes: number;
  /** The one whose builds of main are signed. */
  readonly repository: { readonly name: string };
}

type Outcome = Pick<NewRun, 'state' | 'reason' | 'plan' | 'jobs' | 'trust'>;

export function createPrepareRun(
  ports: PreparePorts,
  settings: PrepareSettings,
): (wish: RunWish) => Promise<Prepared> {
  const { newId } = ports;

  return async (wish) => {
    const { repository, commit, pullRequest } = wish;
    const mirror = ports.mirrors.of(repository.name);
    // Wanted only of what has something to run, which nearly everything has.
    const means = Promise.all([beyondMeans(ports, wish), ports.pools.pools()]);
    means.catch(() => {});
    // None of these waits for another: what they cost is one way to the database and one to git.
    const [details, { level, why, baseBranch }, own, variables] = await Promise.all([
      mirror.details(commit),
      trustOf(ports, wish),
      mirror.planFiles(commit),
      variablesOf(wish),
    ]);
    if (skipsRun(wish.event, details.subject)) {
      return { kind: 'nothing', why: 'the commit’s message says [skip ci]' };
    }
    const [base, changedFiles, person] = await Promise.all([
      filesFollowed(level) === 'base' ? baseFiles(mirror, baseBranch) : null,
      changedBy(mirror, wish, baseBranch),
      personOf(ports, wish, details),
    ]);
    const files = base?.files ?? own;
    const trust: RunTrust = {
      ...{ level, why, notes: [] },
      ...(base === null
        ? { files: 'own', filesCommit: commit }
        : { files: 'base', filesCommit: base.commit ?? commit }),
    };
    const told = { ...wish, changedFiles, message: details.subject };
    const planned = compile(files, told, settings.maxArtifactBytes);
    const found = { level, trust, planned, own, isBase: base !== null };
    const outcome = await decide(told, found, means);
    if (outcome === null) {
      return { kind: 'nothing', why: planned.kind === 'nothing' ? planned.why : 'nothing to run' };
    }
    return {
      kind: 'run',
      run: {
        id: newId('run'),
        repository: repository.name,
        ...{ ref: wish.ref, branch: wish.branch, event: wish.event, commit, pullRequest },
        ...{ tag: wish.tag, sourceBranch: wish.sourceBranch, cron: wish.cron },
        ...{ deployTo: wish.deployTo, variables },
        ...{ details, person, retryOf: null, onlyFailed: false },
        limits: ports.quotas.admission(repository.name),
        ...outcome,
        warnings: shownWarnings(planned),
      },
    };
  };

  async function variablesOf(wish: RunWish): Promise<Readonly<Record<string, string>>> {
    const { event, ref, repository, variables: answers } = wish;
    const signed = settings.repository.name;
    if (isBuiltForRelease({ event, ref, repository, signed })) return answers;
    const set = await ports.variables.of(repository.name);
    return givenVariables(set ?? { scopes: [], all: [] }, answers);
  }

  /** Null when nothing is wanted. */
  async function decide(
    wish: RunWish & CompileWish,
    found: {
      readonly level: TrustLevel;
      readonly trust: RunTrust;
      readonly planned: Planned;
      readonly own: PlanFiles;
      readonly isBase: boolean;
    },
    means: Promise<readonly [over: string | null, pools: readonly Pool[]]>,
  ): Promise<Outcome | null> {
    const { planned, trust, isBase, own } = found;
    if (planned.kind !== 'run') {
      // The base branch's files run nothing; the pull request's own may, once somebody has seen them.
      const theirs = isBase ? compile(own, wish, settings.maxArtifactBytes) : planned;
      if (theirs.kind === 'run') return held(wish, trust, null);
      if (planned.kind === 'nothing') return null;
      return failed(planned.reason, trust);
    }
    const [over, pools] = await means;
    if (over !== null) return failed(over, trust);
    if (isBase && settings.pullRequests === 'hold') return held(wish, trust, planned.plan);
    const placed = placeRun({ pools, newId }, wish.repository.name, trust, planned.plan);
    if (placed.kind === 'refused') return failed(placed.reason, trust);
    return {
      ...{ state: 'queued', reason: null, plan: planned.plan, jobs: placed.jobs },
      trust: { ...trust, notes: placed.notes },
    };
  }
}

function failed(reason: string, trust: RunTrust): Outcome {
  return { state: 'failed', reason, plan: null, jobs: [], trust };
}

/** Its jobs are made when it is released, from the files as they are then. */
function held(wish: RunWish, trust: RunTrust, plan: RunPlan | null): Outcome {
  const what = wish.pullRequest === null ? wish.ref : `pull request #${wish.pullRequest}`;
  const reason = `Held: ${what} waits until a member releases it; ${trust.why}.`;
  return { state: 'held', reason, plan, jobs: [], trust };
}

async function trustOf(
  { pullRequests, members }: PreparePorts,
  { repository, event, ref, commit, pullRequest }: RunWish,
): Promise<{ level: TrustLevel; why: string; baseBranch: string }> {
  const facts =
    pullRequest === null ? null : await pullRequests.facts(repository.name, pullRequest);
  const author = facts?.author ?? null;
  const { level, why } = trustLevelOf(
    {
      ...{ event, ref, commit, pullRequest: facts },
      authorIsMember: author !== null && (await members.isMember(repository.name, author)),
      protectedRefs: [`refs/heads/${repository.mainBranch}`, ...repository.protectedRefs],
    },
    matchesGlob,
  );
  // Facts about another head say nothing of what this one shall be merged into either.
  const baseBranch = facts?.headCommit === commit ? facts.baseBranch : repository.mainBranch;
  return { level, why, baseBranch };
}

/** Whoever asked for it; else whose account opened the pull request; else whom the commit names, by its word alone. */
async function personOf(
  { people, pullRequests }: Pick<PreparePorts, 'people' | 'pullRequests'>,
  { askedBy, repository, pullRequest, commit, cron }: RunWish,
  { authorEmail }: CommitDetails,
): Promise<RunPerson | null> {
  if (askedBy !== null) return { id: askedBy, by: 'asked' };
  if (cron !== null) return null;
  if (pullRequest === null) {
    const id = await people.ofAddress(authorEmail);
    return id === null ? null : { id, by: 'author' };
  }
  const facts = await pullRequests.facts(repository.name, pullRequest);
  // What the forge said of another head says nothing of whoever pushed this one.
  const author = facts?.headCommit === commit ? facts.author : null;
  const id = author === null ? null : await people.ofAccount(repository.name, author);
  return id === null ? null : { id, by: 'linked' };
}

/** Null where nobody can say; conditions on paths hold then. */
async function changedBy(
  mirror: Pick<SourceMirror, 'head' | 'changedFiles'>,
  { commit, before, pullRequest, event, repository }: RunWish,
  baseBranch: string,
): Promise<readonly string[] | null> {
  if (pullRequest === null && event !== 'push') return null;
  const branch = pullRequest === null ? repository.mainBranch : baseBranch;
  const against =
    pullRequest === null && before !== null ? before : await mirror.head(`refs/heads/${branch}`);
  return against === null ? null : await mirror.changedFiles(commit, against);
}

/** The files of a branch's tip; without the branch there are none to follow. */
export async function baseFiles(
  mirror: Pick<SourceMirror, 'head' | 'planFiles'>,
  branch: string,
): Promise<{ readonly commit: string | null; readonly files: PlanFiles }> {
  const commit = await mirror.head(`refs/heads/${branch}`);
  if (commit === null) return { commit, files: { pipelines: [], release: null } };
  return { commit, files: await mirror.planFiles(commit) };
}

/** As many as a person reads. */
export function shownWarnings({ warnings }: Pick<Planned, 'warnings'>): readonly string[] {
  return warnings.slice(0, 50).map((warning) => warning.slice(0, 500));
}

export type CompileWish = Pick<RunWish, 'event' | 'branch' | 'ref'> &
  Partial<Pick<RunWish, 'sourceBranch' | 'cron'>> & {
    readonly repository: Pick<RunWish['repository'], 'name' | 'mainBranch'>;
    /** Null: nobody can say. */
    readonly changedFiles: readonly string[] | null;
    readonly message: string;
  };

/** What is kept at most is this installation's, and no part of a plan; a file that wants more is told at once. */
export function compile(files: PlanFiles, wish: CompileWish, maxArtifactBytes: number): Planned {
  const { event, branch, ref, repository } = wish;
  // Gate and signer know main's files and nothing else: a plan made from more would not be theirs.
  const ofMain = event === 'push' && ref === `refs/heads/${repository.mainBranch}`;
  const occasion = occasionOf({
    ...{ event, branch, ref, repository: repository.name },
    tag: /^refs\/tags\/(.+)$/.exec(ref)?.[1] ?? null,
    ...{ sourceBranch: wish.sourceBranch ?? null, cron: wish.cron ?? null },
    changedFiles: wish.changedFiles,
    environment: {
      CI_REPO_DEFAULT_BRANCH: repository.mainBranch,
      CI_COMMIT_MESSAGE: wish.message,
    },
  });
  const planned = ofMain ? planMain(files) : planRun(files, occasion);
  const wanted = planned.kind === 'run' ? (planned.plan.artifact?.maxBytes ?? 0) : 0;
  if (wanted <= maxArtifactBytes) return planned;
  return {
    kind: 'refused',
    warnings: planned.warnings,
    reason: `${releasePath}: maxSize is ${wanted} bytes; at most ${maxArtifactBytes} bytes are kept here`,
  };
}

/** Why the repository has nothing left for another run: of its day, of the line or of the store. */
async function beyondMeans(
  { budgets, uses, quotas }: Pick<PreparePorts, 'budgets' | 'uses' | 'quotas'>,
  { repository: { name }, event }: RunWish,
): Promise<string | null> {
  const trigger = triggerOf(event);
  const quota = quotas.of(name);
  const [{ usage, budget }, use] = await Promise.all([
    budgets.today(name, trigger),
    uses.use(name, quota.storedBytes !== null),
  ]);
  return (
    budgetRefusal(name, trigger, usage, budget) ?? quotaRefusal(name, use, quota, quotas.queueDepth)
  );
}

/** A pool for every workflow, or every reason why there is none: nothing of a run starts when a part of it cannot. */
export function placeRun(
  { pools, newId }: Pick<PreparePorts, 'newId'> & { readonly pools: readonly Pool[] },
  repository: string,
  { level }: Pick<RunTrust, 'level'>,
  plan: RunPlan,
):
  | { readonly kind: 'placed'; readonly jobs: readonly NewJob[]; readonly notes: readonly string[] }
  | { readonly kind: 'refused'; readonly reason: string } {
  const jobs: NewJob[] = [];
  const notes = new Set<string>();
  const reasons = new Set<string>();
  for (const workflow of plan.workflows) {
    const { name, instance, labels, steps, services } = workflow;
    const images = [
      ...steps.map((step) => ({
        ...{ step: step.name, image: step.image, plugin: step.kind === 'plugin' },
      })),
      ...services.map((service) => ({ step: service.name, image: service.image, plugin: false })),
    ];
    const placed = placeWorkflow(
      { name: titleOf(workflow), labels, images },
      { repository, level },
      pools,
      matchesGlob,
    );
    if (placed.kind === 'refused') {
      reasons.add(placed.reason);
      continue;
    }
    for (const note of placed.notes) notes.add(note);
    jobs.push({ id: newId('job'), workflow: { name, instance }, pool: placed.pool.name });
  }
  if (reasons.size > 0) return { kind: 'refused', reason: [...reasons].slice(0, 20).join('\n') };
  return { kind: 'placed', jobs, notes: [...notes] };
}
