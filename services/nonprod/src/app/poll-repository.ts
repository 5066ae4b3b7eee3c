import { headFacts, planRun, type Planned } from '@airlock/pipeline/run-plan';
import { releasePath } from '@airlock/pipeline/release-file';
import type { Events } from '../events.ts';
import type { Bell, HeadStore, NewId, NewRun, RefHead, SourceMirror } from './ports.ts';

export interface PollSettings {
  readonly repository: { readonly name: string; readonly url: string; readonly mainBranch: string };
  readonly pullRequests: 'run' | 'hold';
  readonly firstSight: 'main' | 'all';
  readonly pools: { readonly main: string; readonly other: string };
  readonly maxArtifactBytes: number;
}

/**
 * One look at the repository: every head that moved gets its run.
 *
 * A repository seen for the first time may have thousands of old branches and pull requests: unless `firstSight` says
 * otherwise only main is built, and the others from their next push on. Main is remembered last, so that a crash in between is the first
 * time again.
 */
export function createPollRepository(
  ports: {
    readonly mirror: SourceMirror;
    readonly heads: HeadStore;
    /** Tells the process that serves runners that there is work. */
    readonly jobs: Bell;
    readonly events: Events;
    readonly newId: NewId;
  },
  settings: PollSettings,
): () => Promise<void> {
  const { mirror, heads, jobs, events, newId } = ports;
  const { name: repository, mainBranch } = settings.repository;
  const mainRef = `refs/heads/${mainBranch}`;

  async function prepare(head: RefHead, firstSight: boolean): Promise<NewRun | null> {
    const facts = headFacts(head.ref, mainBranch);
    if (facts === null || (firstSight && head.ref !== mainRef)) return null;
    const files = await mirror.planFiles(head.commit);
    const planned = withinLimit(planRun(files, facts), settings.maxArtifactBytes);
    if (planned.kind === 'nothing') {
      events.headIgnored(head, planned.why);
      return null;
    }
    const hold = facts.event === 'pull_request' && settings.pullRequests === 'hold';
    const outcome: Pick<NewRun, 'state' | 'reason' | 'plan'> =
      planned.kind === 'refused'
        ? { state: 'failed', reason: planned.reason, plan: null }
        : hold
          ? {
              state: 'held',
              reason: `Held: pull request #${facts.pullRequest ?? 0} waits until a developer starts it.`,
              plan: planned.plan,
            }
          : { state: 'queued', reason: null, plan: planned.plan };
    const pool = head.ref === mainRef ? settings.pools.main : settings.pools.other;
    return {
      id: newId('run'),
      jobs: (outcome.plan?.workflows ?? []).map(({ name, instance }) => ({
        id: newId('job'),
        workflow: { name, instance },
        pool,
      })),
      repository,
      ref: head.ref,
      branch: facts.branch,
      pullRequest: facts.pullRequest,
      event: facts.event,
      commit: head.commit,
      details: await mirror.details(head.commit),
      ...outcome,
    };
  }

  return async () => {
    await mirror.fetch();
    const known = await heads.known(repository);
    const firstSight = settings.firstSight === 'main' && !known.has(mainRef);
    const moved = (await mirror.heads()).filter((head) => known.get(head.ref) !== head.commit);
    moved.sort((a, b) => Number(a.ref === mainRef) - Number(b.ref === mainRef));
    const failures: unknown[] = [];
    for (const head of moved) {
      try {
        await act(head, firstSight);
      } catch (error) {
        // One head that cannot be read does not keep the others from being built; it is tried again next time.
        failures.push(error);
      }
    }
    if (failures.length > 0) {
      const [first] = failures;
      const words = first instanceof Error ? first.message : String(first);
      throw new AggregateError(failures, `${failures.length} heads could not be built: ${words}`);
    }
  };

  async function act(head: RefHead, firstSight: boolean): Promise<void> {
    const run = await prepare(head, firstSight);
    const started = await heads.advance(repository, head, run);
    if (run === null || !started) return;
    events.runStarted(run);
    if (run.state === 'queued') jobs.ring(run.id);
  }
}

/** What is kept at most is this installation's, and no part of a plan; a file that wants more is told at once. */
function withinLimit(planned: Planned, maxArtifactBytes: number): Planned {
  const wanted = planned.kind === 'run' ? (planned.plan.artifact?.maxBytes ?? 0) : 0;
  if (wanted <= maxArtifactBytes) return planned;
  return {
    kind: 'refused',
    reason: `${releasePath}: maxSize is ${wanted} bytes; at most ${maxArtifactBytes} bytes are kept here`,
  };
}
