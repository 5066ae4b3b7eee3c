/** What people are shown of what runs on a target. */
import type { TargetObserve } from '@airlock/common/policy/target-delivery';
import type { Observation, Sight } from './observation.ts';

/**
 * - unwatched: the target file names no hook that could say
 * - pending: nobody has looked since this release is live
 */
export type Sighting =
  | { readonly kind: 'unwatched' | 'pending' }
  | {
      readonly kind: Sight;
      readonly observation: Observation;
      /** Several looks should have come since: stopped, or no deliverer runs. */
      readonly isOverdue: boolean;
    };

const missedUntilOverdue = 3;
/** For what a deliverer does between two looks at the shortest interval. */
const spareSeconds = 30;

/** @param given.observation of the target, whatever it was compared with. */
export function sightingOf(given: {
  readonly deliveryId: string;
  readonly observe: TargetObserve | undefined;
  readonly observation: Observation | null;
  readonly now: Date;
}): Sighting {
  const { deliveryId, observe, observation, now } = given;
  if (observe === undefined) return { kind: 'unwatched' };
  if (observation?.deliveryId !== deliveryId) return { kind: 'pending' };
  const ageSeconds = (now.getTime() - observation.lookedAt.getTime()) / 1000;
  const isOverdue = ageSeconds > missedUntilOverdue * observe.every + spareSeconds;
  return { kind: observation.sight, observation, isOverdue };
}

/** What runs there, in a few words that follow "Runs:". */
export function runsInWords(sighting: Sighting): string {
  switch (sighting.kind) {
    case 'unwatched':
      return 'nobody looks: the target file has no observe';
    case 'pending':
      return 'not seen yet';
    case 'same':
      return 'this release';
    case 'unknown':
      return `nobody can see it: ${sighting.observation.reason ?? 'no reason'}`;
    case 'other': {
      const { running } = sighting.observation;
      const others = othersOf(sighting.observation);
      if (running.length === 0) return 'nothing';
      const beside =
        others.length < running.length ? 'this release and something else' : 'something else';
      return `${beside}: ${others.map(shortened).join(', ')}`;
    }
  }
}

/** What runs there and was not delivered. */
export function othersOf({
  running,
  artifactDigest,
}: Pick<Observation, 'running' | 'artifactDigest'>): readonly string[] {
  return running.filter((one) => one !== `sha256:${artifactDigest}`);
}

const shownCharacters = 'sha256:'.length + 12;

const shortened = (digest: string): string => `${digest.slice(0, shownCharacters)}…`;
