import { EnvelopeError } from './envelope-error.ts';
import type { KekProvider } from './kek-provider.ts';

const tolerated = 3;
const restMs = 10_000;

/**
 * Gives a keeper that does not answer a rest: after three failures in a row every call fails at once with
 * `kek-unavailable` for ten seconds, then one is let through to try. Nothing is answered from memory.
 *
 * @param clock monotonic milliseconds.
 */
export function withBreaker(kek: KekProvider, clock: () => number): KekProvider {
  let failures = 0;
  let closedUntil = Number.NEGATIVE_INFINITY;
  let trying = false;

  async function guarded<T>(call: () => Promise<T>): Promise<T> {
    const isTrial = failures >= tolerated;
    if (isTrial && (trying || clock() < closedUntil)) {
      throw new EnvelopeError(
        'kek-unavailable',
        `${kek.name} did not answer ${failures} times; it is asked again in ${restMs / 1000} s at most`,
      );
    }
    trying = isTrial;
    try {
      const value = await call();
      failures = 0;
      return value;
    } catch (error) {
      if (error instanceof EnvelopeError && error.code === 'kek-unavailable') {
        failures += 1;
        closedUntil = clock() + restMs;
      } else {
        // It answered, if only to refuse.
        failures = 0;
      }
      throw error;
    } finally {
      if (isTrial) trying = false;
    }
  }

  return {
    name: kek.name,
    wrap: (key, context) => guarded(() => kek.wrap(key, context)),
    unwrap: (wrapped, context) => guarded(() => kek.unwrap(wrapped, context)),
    rewrap: (wrapped, context) => guarded(() => kek.rewrap(wrapped, context)),
    currentVersion: () => guarded(() => kek.currentVersion()),
  };
}
