import type { TargetPolicy } from './target-policy.ts';

/**
 * Keys of the format that no process acts on yet. Whoever reads a target file to act by it refuses one that has them: a
 * promise in a signed file that nobody keeps is worse than none.
 */
export function notCarriedOut(policy: TargetPolicy): readonly string[] {
  const { windows } = policy;
  const keys: readonly (readonly [string, boolean])[] = [
    ['windows.override', windows?.override !== undefined],
  ];
  return keys.flatMap(([key, isThere]) => (isThere ? [key] : []));
}
