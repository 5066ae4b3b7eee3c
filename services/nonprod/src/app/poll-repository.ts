import { headFacts } from '@airlock/pipeline/occasion';
import type { Events } from '../events.ts';
import type { Bell, HeadStore, NewRun, RefHead, SourceMirror } from './ports.ts';
import type { Prepared, RunWish } from './prepare-run.ts';

export interface PollSettings {
  readonly repository: { readonly name: string; readonly url: string; readonly mainBranch: string };
  readonly firstSight: 'main' | 'all';
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
    prepareRun(wish: RunWish): Promise<Prepared>;
  },
  settings: PollSettings,
): () => Promise<void> {
  const { mirror, heads, jobs, events } = ports;
  const { name: repository, mainBranch } = settings.repository;
  const mainRef = `refs/heads/${mainBranch}`;

  async function prepare(head: RefHead, firstSight: boolean): Promise<NewRun | null> {
    const facts = headFacts(head.ref, mainBranch);
    if (facts === null || (firstSight && head.ref !== mainRef)) return null;
    const prepared = await ports.prepareRun({
      repository: { name: repository, mainBranch, protectedRefs: [] },
      ...facts,
      ref: head.ref,
      commit: head.commit,
    });
    if (prepared.kind === 'run') return prepared.run;
    events.headIgnored(head, prepared.why);
    return null;
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
