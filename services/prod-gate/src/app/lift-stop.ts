/**
 * Two people start again. Each signs, with their own passkey, a statement of exactly this stop; web keeps the signatures and
 * decides nothing. The authority verifies them from their bytes and is the only one that may record that the stop is lifted.
 */
import { createHash } from 'node:crypto';
import { countCoSignatures } from '@airlock/common/approval/co-signature';
import { liftMatter, liftQuorum, stopRoles } from '@airlock/common/approval/lift';
import type { KnownStop } from '../domain/stop.ts';
import {
  createCoSigning,
  type CoSignCeremony,
  type CoSignPorts,
  type SignedAnswer,
} from './co-sign.ts';
import { DecisionError } from './decision-error.ts';
import type { FollowLedger } from './follow-ledger.ts';
import { enrolledPasskeys } from './judge-approvals.ts';
import type { FactSources } from './fact-sources.ts';
import { mayStop } from './place-stop.ts';
import type { GateFiles } from './configuration-ports.ts';
import type { Recorder } from './ledger-ports.ts';
import type { Transactor } from './ports.ts';
import type { KeptLift, StopStore } from './stop-ports.ts';
import { readStops } from './watch-stops.ts';

export interface Lifting {
  /** @throws DecisionError `person-unknown`, `role-missing`, `stop-over`, `passkey-missing` */
  begin(nameId: string, stopId: string): Promise<CoSignCeremony>;
  /** @throws DecisionError also `ceremony-expired`, `passkey-unknown`, `passkey-refused` */
  lift(
    nameId: string,
    stopId: string,
    given: SignedAnswer,
  ): Promise<{ have: number; need: number }>;
}

type Sources = Pick<FactSources, 'gate' | 'passkeys' | 'proofs'> & {
  readonly stops: Pick<StopStore, 'recent' | 'lifts'>;
  readonly files: () => Promise<Pick<GateFiles, 'roster'>>;
  readonly ledger: FollowLedger;
};

export function createLifting(
  ports: Omit<Sources, 'stops' | 'passkeys'> & CoSignPorts & { readonly stops: StopStore },
): Lifting {
  const { stops } = ports;
  const signing = createCoSigning(
    { matter: liftMatter, kind: 'lift' },
    {
      ...ports,
      keep: (tx, { subjectId, ...lift }) => stops.insertLift(tx, { stopId: subjectId, ...lift }),
    },
  );

  async function stopOf(stopId: string): Promise<KnownStop> {
    const inForce = await readStops(stops, await ports.ledger(), ports.now());
    const stop = inForce.find(({ id }) => id === stopId);
    if (stop === undefined) {
      throw new DecisionError('stop-over', 'This stop is lifted, or its time is over.');
    }
    return stop;
  }

  return {
    async begin(nameId, stopId) {
      const person = mayStop(await ports.files(), nameId);
      return signing.begin(person.id, await stopOf(stopId));
    },

    async lift(nameId, stopId, given) {
      const person = mayStop(await ports.files(), nameId);
      const stop = await stopOf(stopId);
      await signing.sign(person.id, stop, given);
      const { people } = await judgeLifts(ports, stop, ports.now());
      return { have: people.length, need: liftQuorum };
    },
  };
}

/** Who has validly signed, from the stored bytes, the roster and the ledger's enrolments. */
export async function judgeLifts(
  sources: Sources,
  stop: KnownStop,
  at: Date,
): Promise<ReturnType<typeof countCoSignatures> & { readonly lifts: readonly KeptLift[] }> {
  const lifts = await sources.stops.lifts(stop.id);
  if (lifts.length === 0) return { people: [], discounted: [], lifts };
  const passkeys = await enrolledPasskeys(sources, lifts);
  const { roster } = (await sources.files()).roster;
  const counted = countCoSignatures({
    ...{ matter: liftMatter, of: stop, roles: stopRoles, never: [] },
    ...{ gate: sources.gate, roster, signatures: lifts, passkeys, at },
  });
  return { ...counted, lifts };
}

/**
 * The authority's pass: records every stop as lifted that two people have validly signed for. What a crash leaves out is done in
 * the next pass; recorded twice it says the same.
 *
 * @returns ids of the stops that were lifted now.
 */
export function createLiftPass(
  ports: Sources & {
    readonly transactor: Transactor;
    readonly recorder: Recorder;
    readonly clock: () => Date;
  },
): () => Promise<readonly { readonly stop: string; readonly people: readonly string[] }[]> {
  const recorded = new Set<string>();
  return async () => {
    const facts = await ports.ledger();
    const done: { stop: string; people: readonly string[] }[] = [];
    // Only those that the ledger has: what is lifted there must have been placed there.
    for (const stop of facts.stops()) {
      if (recorded.has(stop.id)) continue;
      const at = ports.clock();
      const { people, lifts } = await judgeLifts(ports, stop, at);
      if (people.length < liftQuorum) continue;
      await ports.transactor.transaction(async (tx) => {
        await ports.recorder.record(tx, {
          ...{ type: 'stop.lifted', at, actor: 'authority', subjectDigest: stop.digest },
          refs: {
            ...{ stop: stop.id, people: people.slice(0, liftQuorum).join(' ') },
            // So that whoever has the ledger knows which signatures it was.
            signatures: sha256(Buffer.concat(lifts.map(({ statement }) => statement))),
          },
        });
      });
      recorded.add(stop.id);
      done.push({ stop: stop.id, people });
    }
    return done;
  };
}

const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');
