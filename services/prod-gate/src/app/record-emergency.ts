/**
 * The file of the emergency stop becomes a stop like any other: whoever takes the file away has started nothing again, two
 * people must. What was seen while Postgres was down is kept in mind until it can be recorded.
 */
import { createHash } from 'node:crypto';
import { canonicalJson } from '@airlock/common/encoding/canonical-json';
import { formatId } from '@airlock/common/ids';
import { hostPerson, stopDigest, stopRefs, type KnownStop, type Stop } from '../domain/stop.ts';
import type { FollowLedger } from './follow-ledger.ts';
import type { Recorder } from './ledger-ports.ts';
import type { Transactor } from './ports.ts';
import type { EmergencyMark, EmergencyStop, StopStore } from './stop-ports.ts';

export type EmergencyMemory = {
  /** Counts also what is gone from the host and not recorded yet. */
  readonly emergency: EmergencyStop;
  unrecorded(): readonly Made[];
  recorded(id: string): void;
};

export function rememberEmergency(ports: {
  readonly file: EmergencyStop;
  readonly read: () => EmergencyMark | null;
}): EmergencyMemory {
  /** By id; undefined once recorded. */
  const seen = new Map<string, Made | undefined>();
  const unrecorded = (): Made[] => [...seen.values()].filter((stop) => stop !== undefined);
  return {
    emergency() {
      const since = ports.file();
      const mark = since === null ? null : ports.read();
      if (mark !== null) {
        const stop = stopOf(mark);
        if (!seen.has(stop.id)) seen.set(stop.id, stop);
      }
      return since ?? unrecorded()[0]?.placedAt ?? null;
    },
    unrecorded,
    recorded(id) {
      seen.set(id, undefined);
    },
  };
}

/** @returns the stops that were recorded now; each file of one moment is one stop, also for a process that starts anew. */
export function createEmergencyRecorder(ports: {
  readonly memory: EmergencyMemory;
  readonly transactor: Transactor;
  readonly stops: Pick<StopStore, 'recent' | 'insert'>;
  readonly ledger: FollowLedger;
  readonly recorder: Recorder;
  readonly clock: () => Date;
}): () => Promise<readonly Stop[]> {
  /**
   * What is to be recorded; null when the ledger has it. A row is no record: whoever made it, or owns the database, takes it
   * away again. Whoever reads the file can guess its id and place something milder under it, in a row or in the ledger, there
   * with this one's digest: then it is recorded under the next, which is the
   * same for every process that sees it.
   */
  async function unrecordedAs(stop: Made): Promise<{ stop: Made; hasRow: boolean } | null> {
    const [ledger, rows] = [await ports.ledger(), await ports.stops.recent()];
    for (let number = 1; ; number += 1) {
      const made = number === 1 ? stop : { ...stop, id: idOf(stop.placedAt, number) };
      const placed = ledger.placedAs(made.id);
      const row = rows.find(({ id }) => id === made.id);
      const isOther =
        (row !== undefined && stopDigest(row) !== stopDigest(made)) ||
        (placed !== null && !isSame(placed, made));
      if (!isOther) return placed === null ? { stop: made, hasRow: row !== undefined } : null;
    }
  }

  return async () => {
    const { memory } = ports;
    memory.emergency();
    const done: Stop[] = [];
    for (const stop of memory.unrecorded()) {
      const unrecorded = await unrecordedAs(stop);
      if (unrecorded !== null) {
        const { stop: kept, hasRow } = unrecorded;
        const digest = stopDigest(kept);
        await ports.transactor.transaction(async (tx) => {
          if (!hasRow) await ports.stops.insert(tx, { ...kept, digest });
          await ports.recorder.record(tx, {
            ...{ type: 'stop.placed', at: ports.clock(), actor: 'deliverer' },
            ...{
              subjectDigest: digest,
              refs: { ...stopRefs(kept), set: kept.placedAt.toISOString() },
            },
          });
        });
        done.push(kept);
      }
      memory.recorded(stop.id);
    }
    return done;
  };
}

type Made = Stop & { readonly reason: string };

/** Whether an entry says all of it: its digest is whatever its writer put there. */
function isSame(placed: KnownStop, stop: Made): boolean {
  const said = [stopRefs(placed), stopRefs(stop)].map((refs) => canonicalJson({ ...refs }));
  return placed.digest === stopDigest(stop) && said[0]?.equals(said[1] ?? Buffer.alloc(0)) === true;
}

/** The same file is the same stop, whoever records it and however often it is seen. */
function idOf(since: Date, number: number): Stop['id'] {
  const text = `emergency-stop ${since.toISOString()}${number === 1 ? '' : ` ${number}`}`;
  return formatId('stp', createHash('sha256').update(text).digest().subarray(0, 10));
}

function stopOf({ since, reason }: EmergencyMark): Made {
  return {
    id: idOf(since, 1),
    ...{ kind: 'stop-all', targets: [], matter: null, since: null, until: null, except: [] },
    reason: reason ?? 'the emergency stop was set on the host',
    ...{ person: hostPerson, placedAt: since },
  };
}
