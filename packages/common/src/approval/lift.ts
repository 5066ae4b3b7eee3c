/** Lifting a stop of the gate, looking at a delivery by break-glass, vouching for a passkey: what is signed, by how many, of whom. */
import { liftPredicate, reviewPredicate, vouchPredicate } from '../constants.ts';
import { canonicalJson } from '../encoding/canonical-json.ts';
import { sha256Hex } from '../encoding/hex.ts';
import type { Role } from '../policy/target-approvals.ts';
import type { Matter } from './co-signature.ts';

/** A stop as it was placed; times in RFC 3339 with milliseconds, as `Date.toISOString` writes them. */
type PlacedStop = {
  readonly id: string;
  readonly kind: string;
  readonly targets: readonly string[];
  readonly matter: string | null;
  readonly since: string | null;
  readonly until: string | null;
  readonly except: readonly string[];
  readonly reason: string | null;
  readonly person: string;
  readonly placedAt: string;
};

/** SHA-256 (hex) of the canonical JSON of all its members: what whoever lifts it signs. */
export function placedStopDigest(stop: PlacedStop): string {
  const { id, kind, targets, matter, since, until, except, reason, person, placedAt } = stop;
  return sha256Hex(
    canonicalJson({
      ...{ v: 1, id, kind, targets: [...targets], matter, since, until },
      ...{ except: [...except], reason, person, placedAt },
    }),
  );
}

/** The digest is that of the stop's canonical bytes, so that a lift is of exactly what was read. */
export const liftMatter: Matter = { predicate: liftPredicate, name: 'stop' };
/** The digest is that of the promotion document, which has the justification. */
export const reviewMatter: Matter = { predicate: reviewPredicate, name: 'delivery' };
/** Id and digest are both the enrolment's (`enrolmentDigest`): it is for one key of one person, and no other. */
export const vouchMatter: Matter = { predicate: vouchPredicate, name: 'passkey' };

/** People that lifting takes, each another one. */
export const liftQuorum = 2;
/** Each of these may place a stop and lift one, and look at a delivery by break-glass. */
export const stopRoles: readonly Role[] = ['release-manager', 'security', 'platform'];
