/** Which runner may speak, and what its word is worth. */
import type { RunnerKind } from '@airlock/common/wire/runner-enrolment';

/** What stands before a runner's id in the one URI name of its certificate. */
export const runnerPrefix = 'airlock:runner:';

/**
 * active takes jobs; draining ends what it has and takes none; quarantined and disabled may not speak at all. A quarantined
 * runner is suspected, a disabled one was only not needed or not seen.
 */
export const runnerStates = ['active', 'draining', 'quarantined', 'disabled'] as const;
export type RunnerState = (typeof runnerStates)[number];

/** A runner asks for work at least this often, and a machine that was let in says hello within it. */
export const heardWithinSeconds = 120;

/** Why a certificate is retired whose successor has said hello. */
export const superseded = 'a newer one is in use';

/** Paths below /runners are not only ids. */
const reserved: readonly string[] = ['new', 'tokens', 'enrolments', 'prune'];

export const mayBeRunnerId = (id: string): boolean => !reserved.includes(id);

export interface Registration {
  readonly runner: string;
  readonly pool: string;
  readonly kind: RunnerKind;
  readonly state: RunnerState;
  readonly stateReason: string | null;
  /** Of the process that said hello last; null before the first. */
  readonly instance: string | null;
  readonly spentAt: Date | null;
  /** In CIDR form; empty: from anywhere. */
  readonly networks: readonly string[];
  /** Of its kernel, as the process that said hello last found it; null: it did not say. */
  readonly platform: string | null;
  readonly certificate: { readonly retiredWhy: string | null; readonly issuedAt: Date };
}

export type CallVerdict =
  | { readonly kind: 'admitted' }
  | { readonly kind: 'refused'; readonly text: string }
  /** The right key in a place where the runner is not. */
  | { readonly kind: 'elsewhere'; readonly text: string }
  /** Two places hold this runner's key. */
  | { readonly kind: 'cloned'; readonly reason: string };

export const reasonsOfClones = {
  sameKey: 'two processes use its key',
  supersededKey:
    'a key that it had replaced was used again: somebody has a copy, or it was renewed by somebody who had one',
} as const;

/**
 * @param call.instance null when the call names none.
 * @param call.isHello only this may bring a new instance.
 * @param call.isWithin whether the caller's address is in a network.
 */
export function judgeCall(
  registration: Registration | null,
  call: {
    readonly runner: string;
    readonly instance: string | null;
    readonly isHello: boolean;
    readonly isWithin: (network: string) => boolean;
  },
): CallVerdict {
  if (registration?.runner !== call.runner) {
    return refused(
      'this certificate stands in no registry; enrol this machine: airlock runner token',
    );
  }
  const { state, stateReason, certificate } = registration;
  if (state === 'quarantined' || state === 'disabled') {
    return refused(`${call.runner} is ${state}${stateReason === null ? '' : `: ${stateReason}`}`);
  }
  if (certificate.retiredWhy === superseded) {
    // A runner lets its calls end before its next certificate says hello, and never turns back. Of the two that now speak
    // one is not the runner, and nobody can tell which: a thief who renews makes the true one look retired.
    return { kind: 'cloned', reason: reasonsOfClones.supersededKey };
  }
  if (certificate.retiredWhy !== null) {
    return refused(`this certificate is retired: ${certificate.retiredWhy}`);
  }
  if (!mayComeFrom(registration.networks, call.isWithin)) {
    const text = `${call.runner} may speak from ${registration.networks.join(', ')} alone, and this call came from elsewhere; enrol it anew if it has moved: airlock runner token --pool ${registration.pool} --name ${call.runner} --network …`;
    return { kind: 'elsewhere', text };
  }
  if (call.instance === null) return refused('a runner names its instance with every call');
  if (registration.instance === call.instance) return { kind: 'admitted' };
  if (!call.isHello) {
    // Each process says hello first. One that is not the last to have done so was replaced, and still runs.
    return registration.instance === null
      ? refused('say hello first')
      : { kind: 'cloned', reason: reasonsOfClones.sameKey };
  }
  return registration.spentAt === null
    ? { kind: 'admitted' }
    : refused(`${call.runner} was registered for one job and had it`);
}

/** @param isWithin whether the caller's address is in a network. */
export function mayComeFrom(
  networks: readonly string[],
  isWithin: (network: string) => boolean,
): boolean {
  return networks.length === 0 || networks.some(isWithin);
}

export type LeaseVerdict =
  { readonly kind: 'may' } | { readonly kind: 'wait' } | { readonly kind: 'no'; text: string };

/**
 * @param asked.once whether the pool takes runners that are registered for one job alone.
 * @param asked.platform what the pool's runners run on; null: on anything.
 */
export function judgeLease(
  registration: Registration,
  asked: { readonly pool: string; readonly once: boolean; readonly platform: string | null },
): LeaseVerdict {
  const { runner, pool, state, spentAt } = registration;
  if (pool !== asked.pool) {
    return { kind: 'no', text: `${runner} is registered for the pool ${pool}, not ${asked.pool}` };
  }
  const misfit = misfitOf(registration, asked);
  if (misfit !== null) return { kind: 'no', text: misfit };
  if (spentAt !== null) {
    return { kind: 'no', text: `${runner} was registered for one job and had it` };
  }
  return state === 'active' ? { kind: 'may' } : { kind: 'wait' };
}

/** Why its pool gives the runner nothing, whatever waits there; null when it does. */
export function misfitOf(
  registration: Pick<Registration, 'runner' | 'pool' | 'kind' | 'platform'>,
  rule: { readonly once: boolean; readonly platform: string | null },
): string | null {
  const { runner, pool, kind } = registration;
  if (rule.once && kind !== 'once') {
    return `the pool ${pool} takes runners for one job only, and ${runner} is registered to last; enrol it with a token made with --once`;
  }
  return otherPlatform(registration, rule.platform);
}

/** Why the runner is in the wrong pool; null when it is not. @param wanted of the pool; null: any. */
export function otherPlatform(
  { runner, pool, platform }: Pick<Registration, 'runner' | 'pool' | 'platform'>,
  wanted: string | null,
): string | null {
  if (wanted === null || platform === wanted) return null;
  const has = platform === null ? 'does not say what it runs on' : `runs on ${platform}`;
  return `${runner} ${has}, and the pool ${pool} is for ${wanted}; enrol it for a pool whose label platform it fits`;
}

function refused(text: string): CallVerdict {
  return { kind: 'refused', text };
}
