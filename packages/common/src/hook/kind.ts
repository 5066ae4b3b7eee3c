/**
 * What a hook says in hook.yaml of being run again, after its deliverer died while it ran. idempotent: a second run leaves what
 * the first would have left · probing: it can tell whether a delivery was done · at-most-once: neither, so that a person has to
 * look.
 */
export const hookKinds = ['idempotent', 'probing', 'at-most-once'] as const;
export type HookKind = (typeof hookKinds)[number];
