/** Lifting a stop of the gate, and looking at a delivery by break-glass: what is signed, by how many, of whom. */
import { liftPredicate, reviewPredicate } from '../constants.ts';
import type { Role } from '../policy/target-approvals.ts';
import type { Matter } from './co-signature.ts';

/** The digest is that of the stop's canonical bytes, so that a lift is of exactly what was read. */
export const liftMatter: Matter = { predicate: liftPredicate, name: 'stop' };
/** The digest is that of the promotion document, which has the justification. */
export const reviewMatter: Matter = { predicate: reviewPredicate, name: 'delivery' };

/** People that lifting takes, each another one. */
export const liftQuorum = 2;
/** Each of these may place a stop and lift one, and look at a delivery by break-glass. */
export const stopRoles: readonly Role[] = ['release-manager', 'security', 'platform'];
