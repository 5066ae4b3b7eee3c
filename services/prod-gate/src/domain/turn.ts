/** Whose turn it is on a target that delivers every release (`concurrency.queue: all`). */
import type { Promotion } from './promotion.ts';

type Queued = Pick<
  Promotion,
  'id' | 'target' | 'release' | 'mainPosition' | 'admittedAt' | 'expiresAt' | 'returns'
>;

/**
 * The waiting promotion that is delivered first, where that is not this one: the earliest on main, of two at one place the one
 * admitted first. A return waits for none and holds none; nor does one hold that is older than what is live, since it never
 * passes, nor one that has expired, whether or not its row says so yet.
 *
 * @param given.livePosition place on main of what is live; null before the first delivery.
 */
export function firstBefore(
  own: Queued,
  given: {
    readonly waiting: readonly Queued[];
    readonly livePosition: number | null;
    readonly now: Date;
  },
): Queued | null {
  if (own.returns !== null) return null;
  const before = given.waiting.filter(
    (other) =>
      other.id !== own.id &&
      other.target === own.target &&
      other.returns === null &&
      other.expiresAt > given.now &&
      other.mainPosition >= (given.livePosition ?? 0) &&
      comesBefore(other, own),
  );
  return before.toSorted((a, b) => (comesBefore(a, b) ? -1 : 1))[0] ?? null;
}

function comesBefore(one: Queued, other: Queued): boolean {
  if (one.mainPosition !== other.mainPosition) return one.mainPosition < other.mainPosition;
  const [was, now] = [one.admittedAt.getTime(), other.admittedAt.getTime()];
  return was === now ? one.id < other.id : was < now;
}
