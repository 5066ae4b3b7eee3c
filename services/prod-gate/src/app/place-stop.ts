/** Somebody stops the gate, alone and at once: a reason and a session, no passkey, because stopping must be cheap. */
import { stopRoles } from '@airlock/common/approval/lift';
import type { Id } from '@airlock/common/ids';
import { matterText, readMatter } from '../domain/matter.ts';
import {
  matterNeeded,
  stopDigest,
  stopMatters,
  stopRefs,
  type Stop,
  type StopKind,
} from '../domain/stop.ts';
import { personByNameId, type Person } from '../domain/roster.ts';
import { DecisionError } from './decision-error.ts';
import type { GateFiles } from './configuration-ports.ts';
import type { DeliveryStore } from './delivery-ports.ts';
import type { Recorder } from './ledger-ports.ts';
import type { Transactor } from './ports.ts';
import type { StopStore } from './stop-ports.ts';

export type StopWish = {
  readonly kind: StopKind;
  readonly targets: readonly string[];
  readonly matter: string | null;
  readonly since: Date | null;
  readonly until: Date | null;
  readonly except: readonly string[];
  readonly reason: string;
};

/**
 * Counts from the moment that it returns, and is in the ledger within a second.
 *
 * @throws DecisionError `person-unknown`, `role-missing`, `reason-missing`, `E_TARGET_UNKNOWN`, `stop-malformed`.
 */
export type PlaceStop = (nameId: string, wish: StopWish) => Promise<Stop>;

/** A stop of one delivery is over by itself when that is over for certain. */
const longestDeliveryHours = 24;
/** Longest value of an entry of the ledger. */
const longestRef = 256;

export function createPlaceStop(ports: {
  readonly database: Transactor;
  readonly stops: Pick<StopStore, 'insert'>;
  readonly deliveries: Pick<DeliveryStore, 'find'>;
  readonly recorder: Recorder;
  readonly files: () => Promise<Pick<GateFiles, 'roster' | 'targets'>>;
  /** Told after it counts. */
  readonly onPlaced: (stop: Stop) => void;
  readonly newStopId: () => Id<'stp'>;
  readonly now: () => Date;
}): PlaceStop {
  return async (nameId, wish) => {
    const files = await ports.files();
    const person = mayStop(files, nameId);
    const now = ports.now();
    assertWellFormed(wish, { targets: [...files.targets.keys()], now });
    const { matter } = wish;
    const delivery = matter?.startsWith('delivery:') === true ? matter.slice(9) : null;
    if (delivery !== null && (await ports.deliveries.find(delivery))?.state !== 'running') {
      throw new DecisionError('stop-over', `There is no delivery ${delivery} that runs.`);
    }
    const until =
      delivery === null ? wish.until : new Date(now.getTime() + longestDeliveryHours * 3_600_000);
    const stop = {
      ...{ id: ports.newStopId(), ...wish, matter: spelled(wish), until },
      ...{ person: person.id, placedAt: now },
    };
    const digest = stopDigest(stop);
    await ports.database.transaction(async (tx) => {
      await ports.stops.insert(tx, { ...stop, digest });
      await ports.recorder.record(tx, {
        type: 'stop.placed',
        at: now,
        actor: `person:${person.id}`,
        subjectDigest: digest,
        refs: stopRefs(stop),
      });
    });
    ports.onPlaced(stop);
    return stop;
  };
}

/** As releases are matched with it: a digest without its algorithm. */
function spelled({ kind, matter }: Pick<StopWish, 'kind' | 'matter'>): string | null {
  const read = matter === null || kind === 'revoke-leases' ? null : readMatter(matter);
  return read === null || 'fault' in read ? matter : matterText(read);
}

/** @throws DecisionError `person-unknown`, `role-missing` */
export function mayStop(files: Pick<GateFiles, 'roster'>, nameId: string): Person {
  const person = personByNameId(files.roster.roster, nameId);
  if (person === null) {
    throw new DecisionError('person-unknown', `${nameId} is not in the gate's roster.`);
  }
  if (!person.roles.some((role) => stopRoles.includes(role))) {
    throw new DecisionError(
      'role-missing',
      `Stopping and starting again takes one of the roles ${stopRoles.join(', ')}.`,
      { role: stopRoles.join(', ') },
    );
  }
  return person;
}

function assertWellFormed(
  wish: StopWish,
  { targets, now }: { readonly targets: readonly string[]; readonly now: Date },
): void {
  if (wish.reason.trim() === '') {
    throw new DecisionError('reason-missing', 'Say why: everybody whose delivery waits reads it.');
  }
  const unknown = wish.targets.filter((target) => !targets.includes(target));
  if (unknown.length > 0) {
    throw new DecisionError(
      'E_TARGET_UNKNOWN',
      `There is no target ${unknown.join(', ')}; there are ${targets.join(', ')}. Name none to stop all.`,
    );
  }
  const malformed = (why: string): DecisionError => new DecisionError('stop-malformed', why);
  const isFreeze = wish.kind === 'freeze';
  if (wish.until !== null && (!isFreeze || wish.until <= now)) {
    throw malformed('Only a freeze ends by itself, at a time that is to come.');
  }
  if (wish.except.length > 0 && !isFreeze) {
    throw malformed('Only a freeze lets single promotions through.');
  }
  const { kind, matter, since } = wish;
  if (matter === null && matterNeeded.includes(kind)) {
    throw malformed('A quarantine and a distrusted signer name what they are about.');
  }
  const named = stopMatters[kind];
  if (matter !== null && !named.some((each) => matter.startsWith(`${each}:`))) {
    throw malformed(
      named.length === 0
        ? `A ${kind} is about targets and names nothing else.`
        : `Name it as ${named.map((each) => `${each}:…`).join(', ')}.`,
    );
  }
  if (since !== null && kind !== 'quarantine' && kind !== 'distrust-signer') {
    throw malformed('Only a quarantine and a distrusted signer begin in the past.');
  }
  if (kind === 'revoke-leases' && matter !== null && wish.targets.length > 0) {
    throw malformed('Name a delivery or targets, not both.');
  }
  const read = matter === null || kind === 'revoke-leases' ? null : readMatter(matter);
  if (read !== null && 'fault' in read) {
    // Held by nothing, it would look like safety.
    throw malformed(read.fault);
  }
  for (const list of [wish.targets, wish.except]) {
    if (list.join(' ').length > longestRef) {
      throw malformed(
        'That is a longer list than one entry of the ledger holds; stop all instead.',
      );
    }
  }
}
