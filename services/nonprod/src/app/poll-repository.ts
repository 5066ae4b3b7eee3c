import type { Events } from '../events.ts';
import type { Bell, HeadStore, NewRun, RefHead, SourceMirror } from './ports.ts';
import type { Prepared, RunWish } from './prepare-run.ts';
import { wishOfHead, wishOfRequest, type WishRepository } from './run-wish.ts';
import type { RunRequestQueue } from './source-ports.ts';

export interface PollSettings {
  readonly repository: WishRepository;
  readonly firstSight: 'main' | 'all';
}

/** Remembered once the tags that were there before us are known; no ref has this name. */
const tagsSeen = 'refs/tags';
const isTag = ({ ref }: RefHead): boolean => ref.startsWith('refs/tags/');

/**
 * One look at the repository: every head that moved gets its run, and so does what somebody asked for.
 *
 * A repository seen for the first time may have thousands of old branches and pull requests: unless `firstSight` says
 * otherwise only main is built, and the others from their next push on; of tags only those that come later. Main is
 * remembered last, so that a crash in between is the first time again.
 */
export function createPollRepository(
  ports: {
    readonly mirror: Pick<SourceMirror, 'fetch' | 'heads'>;
    readonly heads: HeadStore;
    readonly requests: RunRequestQueue;
    /** Tells the process that serves runners that there is work. */
    readonly jobs: Bell;
    readonly events: Events;
    prepareRun(wish: RunWish): Promise<Prepared>;
  },
  settings: PollSettings,
): () => Promise<void> {
  const { mirror, heads, requests, jobs, events } = ports;
  const { name: repository, mainBranch } = settings.repository;
  const mainRef = `refs/heads/${mainBranch}`;

  async function prepare(
    head: RefHead,
    known: ReadonlyMap<string, string>,
  ): Promise<NewRun | null> {
    const firstSight = settings.firstSight === 'main' && !known.has(mainRef);
    if (firstSight && head.ref !== mainRef) return null;
    if (isTag(head) && !known.has(tagsSeen)) return null;
    const number = /^refs\/pull\/(\d{1,9})\/head$/.exec(head.ref)?.[1];
    const branches = number === undefined ? null : await requests.branches(repository, +number);
    const wish = wishOfHead(settings.repository, head, branches, known.get(head.ref) ?? null);
    if (wish === null) return null;
    const prepared = await ports.prepareRun(wish);
    if (prepared.kind === 'run') return prepared.run;
    events.headIgnored(head, prepared.why);
    return null;
  }

  return async () => {
    // What is known here changes by this loop alone.
    const [known] = await Promise.all([heads.known(repository), mirror.fetch()]);
    const all = await mirror.heads();
    const moved = all.filter((head) => known.get(head.ref) !== head.commit);
    moved.sort((a, b) => Number(a.ref === mainRef) - Number(b.ref === mainRef));
    const failures: unknown[] = [];
    const attempt = async (work: () => Promise<void>): Promise<void> => {
      try {
        await work();
      } catch (error) {
        // One head that cannot be read does not keep the others from being built; it is tried again next time.
        failures.push(error);
      }
    };
    for (const head of moved) await attempt(() => act(head, known));
    if (!known.has(tagsSeen) && failures.length === 0) {
      await heads.advance(repository, { ref: tagsSeen, commit: '' }, null);
    }
    const at = new Map(all.map(({ ref, commit }) => [ref, commit]));
    for (const request of await requests.waiting(repository)) {
      await attempt(async () => {
        const number = request.pullRequest;
        const branches = number === null ? null : await requests.branches(repository, number);
        const wish = wishOfRequest(settings.repository, request, at, branches);
        const prepared = 'refused' in wish ? wish : await ports.prepareRun(wish);
        if ('refused' in prepared || prepared.kind === 'nothing') {
          const why = 'refused' in prepared ? prepared.refused : prepared.why;
          await requests.refuse(request.id, why);
          events.requestRefused(request, why);
          return;
        }
        const { id, retryOf, onlyFailed } = request;
        const run = { ...prepared.run, id, retryOf, onlyFailed };
        if (await requests.start(run)) tell(run);
      });
    }
    if (failures.length > 0) {
      const [first] = failures;
      const words = first instanceof Error ? first.message : String(first);
      throw new AggregateError(failures, `${failures.length} heads could not be built: ${words}`);
    }
  };

  async function act(head: RefHead, known: ReadonlyMap<string, string>): Promise<void> {
    const run = await prepare(head, known);
    const started = await heads.advance(repository, head, run);
    if (run !== null && started) tell(run);
  }

  function tell(run: NewRun): void {
    events.runStarted(run);
    if (run.state === 'queued') jobs.ring(run.id);
  }
}
