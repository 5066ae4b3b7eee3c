/** What a verified webhook says becomes facts, wishes for runs, and a look at the repository. */
import type { ForgeEvent, PayloadRepository } from '../domain/webhook/forge-event.ts';
import { isAbout, normalise } from '../domain/webhook/normalise.ts';
import type { Events } from '../events.ts';
import type { NewId } from './ports.ts';
import type {
  DeliveryQueue,
  DeliveryVerdict,
  JudgedDelivery,
  RepositoryRow,
  RunRequest,
  WaitingDelivery,
} from './source-ports.ts';

const batch = 100;
/** What happened longer ago is not news: forges try again for some days, and a relay may have waited. */
const replayWindowMs = 7 * 24 * 3600_000;
/** About four minutes from the first try to the last: longer than a restart of the database takes. */
const mostAttempts = 8;
/** A fact from the future would keep the true ones out, which are older. */
const clockSkewMs = 10 * 60_000;

/**
 * Reads every waiting delivery, in the order in which they came. One that cannot be settled keeps no other from it: it is
 * tried again after a pause that doubles, and given up after the eighth try.
 *
 * A webhook is a hint: where a ref points is asked of git. What only the forge knows, whose pull request it is, is taken
 * from here, and only when the forge itself said it to us: the relay, which the internet reaches, has the secret that signs
 * and could say it of anybody. By that way every pull request is a stranger's.
 */
export function createReadWebhooks(ports: {
  readonly deliveries: DeliveryQueue;
  readonly repositories: { list(): Promise<readonly RepositoryRow[]> };
  readonly events: Pick<Events, 'webhookRead' | 'webhookFailed'>;
  readonly newId: NewId;
  /** Told which repository to look at. */
  onNews(repository: string): void;
}): () => Promise<void> {
  const { deliveries, events, newId } = ports;

  function judge(delivery: WaitingDelivery, known: readonly RepositoryRow[]): DeliveryVerdict {
    const event = normalise(delivery.provider, delivery.event, delivery.body);
    const plain = { repository: delivery.repository, pullRequest: null, request: null };
    switch (event.kind) {
      case 'ping':
        return { ...plain, state: 'handled', reason: 'ping' };
      case 'ignored':
        return { ...plain, state: 'ignored', reason: event.why };
      case 'refused':
        return { ...plain, state: 'refused', reason: `${event.code}: ${event.why}` };
      default: {
        const repository = repositoryOf(delivery, event.repository, known);
        if (typeof repository === 'string') {
          return { ...plain, state: 'refused', reason: repository };
        }
        const { name } = repository;
        if (event.kind !== 'pull-request') {
          return {
            state: 'handled',
            reason: null,
            repository: name,
            pullRequest: null,
            request: wishOf(event, name),
          };
        }
        const age = delivery.receivedAt.getTime() - event.pullRequest.updatedAt.getTime();
        if (age > replayWindowMs) {
          return {
            ...plain,
            state: 'refused',
            reason: 'too-old: it tells of more than 7 days ago',
          };
        }
        if (age < -clockSkewMs) {
          return {
            ...plain,
            state: 'refused',
            reason: 'too-new: it tells of a time that has not come',
          };
        }
        return {
          state: 'handled',
          reason: null,
          repository: name,
          pullRequest: delivery.relayed
            ? { ...event.pullRequest, author: null }
            : event.pullRequest,
          request: wishOf(event, name),
        };
      }
    }
  }

  function wishOf(event: ForgeEvent, repository: string): RunRequest | null {
    const wish = (what: Pick<RunRequest, 'event' | 'ref'> & Partial<RunRequest>): RunRequest => ({
      id: newId('run'),
      repository,
      commit: null,
      pullRequest: null,
      deployTo: null,
      cron: null,
      variables: {},
      askedBy: null,
      retryOf: null,
      onlyFailed: false,
      ...what,
    });
    switch (event.kind) {
      case 'release':
        return wish({ event: 'release', ref: `refs/tags/${event.tag}` });
      case 'deployment':
        return wish({
          event: 'deployment',
          ref: event.ref.startsWith('refs/') ? event.ref : `refs/heads/${event.ref}`,
          commit: event.commit,
          deployTo: event.environment,
        });
      case 'pull-request': {
        if (event.change !== 'closed' && event.change !== 'metadata') return null;
        const { number, headCommit } = event.pullRequest;
        return wish({
          event: event.change === 'closed' ? 'pull_request_closed' : 'pull_request_metadata',
          ref: `refs/pull/${number}/head`,
          commit: headCommit,
          pullRequest: number,
        });
      }
      default:
        return null;
    }
  }

  /** False where it threw: it is tried again later, or given up. */
  async function attempt(delivery: WaitingDelivery, work: () => Promise<void>): Promise<boolean> {
    try {
      await work();
      return true;
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      const attempts = delivery.attempts + 1;
      const givenUp = attempts >= mostAttempts;
      // Rejects where nothing can be written at all; then it is no fault of this delivery.
      await deliveries.postpone(
        delivery,
        givenUp
          ? { givenUp: `given-up: tried ${attempts} times; ${why}. Send it again from the forge.` }
          : { pauseSeconds: 2 ** attempts, reason: `failed: tried ${attempts} times; ${why}` },
      );
      events.webhookFailed(delivery, { attempts, givenUp }, why);
      return false;
    }
  }

  /** Those that bring nothing but their verdict: all in one go, and each by itself only where that fails. */
  async function settlePlain(plain: readonly JudgedDelivery[]): Promise<void> {
    if (plain.length === 0) return;
    const together = await deliveries.settlePlain(plain).then(
      () => true,
      () => false,
    );
    for (const { delivery, verdict } of plain) {
      if (together || (await attempt(delivery, () => deliveries.settle(delivery, verdict)))) {
        events.webhookRead(delivery, verdict);
      }
    }
  }

  return async () => {
    for (;;) {
      const [waiting, known] = await Promise.all([
        deliveries.waiting(batch),
        ports.repositories.list(),
      ]);
      if (waiting.length === 0) break;
      const plain: JudgedDelivery[] = [];
      const told = new Set<string>();
      const news = new Set<string>();
      const tell = (repository: string): void => {
        if (!told.has(repository) || news.has(repository)) ports.onNews(repository);
        told.add(repository);
        news.delete(repository);
      };
      for (const delivery of waiting) {
        await attempt(delivery, async () => {
          const verdict = judge(delivery, known);
          if (isPlain(verdict)) {
            plain.push({ delivery, verdict });
            // Of a push only git knows more: the look at it waits for nothing that is written here.
            if (isNews(verdict)) tell(verdict.repository);
            return;
          }
          await deliveries.settle(delivery, verdict);
          events.webhookRead(delivery, verdict);
          if (isNews(verdict)) news.add(verdict.repository);
        });
      }
      await settlePlain(plain);
      for (const repository of news) ports.onNews(repository);
      // What comes meanwhile rings.
      if (waiting.length < batch) break;
    }
  };
}

type News = DeliveryVerdict & { readonly repository: string };

function isNews(verdict: DeliveryVerdict): verdict is News {
  return verdict.state === 'handled' && verdict.repository !== null;
}

/** It brings nothing that a look at the repository reads from the database. */
function isPlain({ pullRequest, request }: DeliveryVerdict): boolean {
  return pullRequest === null && request === null;
}

/** The repository that a payload is about, or why it is none that this hook may speak of. */
function repositoryOf(
  delivery: WaitingDelivery,
  payload: PayloadRepository,
  known: readonly RepositoryRow[],
): RepositoryRow | string {
  const { provider } = delivery;
  if (delivery.repository === null) {
    const found = known.find((each) => each.provider === provider && isAbout(payload, each));
    return found ?? `repository-unknown: ${JSON.stringify(payload.fullName)} is not built here`;
  }
  const own = known.find(({ name }) => name === delivery.repository);
  if (own !== undefined && isAbout(payload, own)) return own;
  return `repository-wrong: this webhook is ${delivery.repository}'s, and the payload is about ${JSON.stringify(payload.fullName)}`;
}
