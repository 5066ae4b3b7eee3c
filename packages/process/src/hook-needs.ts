/**
 * Whether a target gives a hook what its manifest needs, asked before anybody signs and again before any credential exists.
 * The hook's author says what the hook uses, the target's owner what it gets; a credential that only one of them names is a
 * mistake of one.
 */
import type { CredentialKind } from '@airlock/common/policy/target-credentials';
import { proxiedCredential, type Egress } from '@airlock/common/policy/target-egress';
import type { HookManifest } from './hook-manifest.ts';

export type PlannedRead = { readonly as: string; readonly kind: CredentialKind };

/** The reads that the hook finds on its descriptor: those that no egress authenticates with. */
export function readsOnDescriptor<T extends { readonly as: string }>(
  reads: readonly T[],
  egresses: readonly Egress[],
): T[] {
  const proxied = new Set(egresses.map(proxiedCredential));
  return reads.filter(({ as }) => !proxied.has(as));
}

/** What a target gives its hook. */
export type GivenToHook = {
  readonly reads: readonly PlannedRead[];
  readonly egress: readonly Egress[];
  readonly inWaves: boolean;
};

/** Every difference between what the hook needs and what the target gives; empty when they fit. */
export function hookNeedFaults(
  { needs, waves }: Pick<HookManifest, 'needs' | 'waves'>,
  given: GivenToHook,
): string[] {
  const onDescriptor = readsOnDescriptor(given.reads, given.egress);
  return [
    ...Object.entries(needs.credentials).flatMap(([as, kind]) => {
      const read = given.reads.find((each) => each.as === as);
      if (read === undefined) return [`it needs credential ${as} (${kind}), which is not read`];
      if (read.kind !== kind) return [`it needs ${as} to be ${kind}, and ${as} is ${read.kind}`];
      if (onDescriptor.includes(read)) return [];
      return [`it needs credential ${as} itself, which an egress authenticates with in its place`];
    }),
    ...onDescriptor.flatMap(({ as, kind }) =>
      Object.hasOwn(needs.credentials, as)
        ? []
        : [`it names no credential ${as} (${kind}), which would be handed to it`],
    ),
    ...Object.entries(needs.egress).flatMap(([as, kind]) => {
      const egress = given.egress.find((each) => each.as === as);
      if (egress === undefined) return [`it needs egress ${as} (${kind}), which does not exist`];
      if (egress.kind === kind) return [];
      return [`it needs egress ${as} to be ${kind}, and ${as} is ${egress.kind}`];
    }),
    ...(given.inWaves && !waves
      ? ['it delivers to all of the target at once, and deliver.waves asks for waves']
      : []),
  ];
}

/** The egresses of a target that its observe hook gets: those at which nobody logs in. */
export function egressWithoutCredential(egresses: readonly Egress[]): Egress[] {
  return egresses.filter((egress) => proxiedCredential(egress) === null);
}

/**
 * What keeps a hook from being run between deliveries; empty when nothing does. It would need a login that always stands, and
 * no login outlives its delivery.
 */
export function observeNeedFaults(
  { needs }: Pick<HookManifest, 'needs'>,
  { egress }: Pick<GivenToHook, 'egress'>,
): string[] {
  const why = 'an observe hook gets none, because a login for it would outlive every delivery';
  return [
    ...Object.entries(needs.credentials).map(
      ([as, kind]) => `it needs credential ${as} (${kind}); ${why}`,
    ),
    ...Object.entries(needs.egress).flatMap(([as, kind]) => {
      const given = egress.find((each) => each.as === as);
      if (given === undefined) return [`it needs egress ${as} (${kind}), which does not exist`];
      const name = proxiedCredential(given);
      if (name !== null) return [`it needs egress ${as}, which logs in with ${name}; ${why}`];
      if (given.kind === kind) return [];
      return [`it needs egress ${as} to be ${kind}, and ${as} is ${given.kind}`];
    }),
  ];
}
