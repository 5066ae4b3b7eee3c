/**
 * The emergency stop: a file on the host that processes look for before every step, so that it works while Postgres, Redis and
 * the IdP are down. Root makes it and root removes it; the gate's users may only read it.
 */
import { lstatSync, openSync, readSync, closeSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { emergencyStopName } from '@airlock/common/constants';
import type { EmergencyMark, EmergencyStop } from '../../app/stop-ports.ts';

type Place = { readonly administratorsFile: string };

/** Beside administrators.json, which every process of the gate is told of and none may write beside. */
const fileOf = ({ administratorsFile }: Place): string =>
  join(dirname(administratorsFile), emergencyStopName);

export function createEmergencyStop(place: Place): EmergencyStop {
  const file = fileOf(place);
  return () => {
    try {
      // A link that leads nowhere is there, too.
      return lstatSync(file).mtime;
    } catch (cause) {
      // Only a file that is not there stops nothing: what cannot be looked at may be.
      return isMissing(cause) ? null : new Date(0);
    }
  };
}

/** Longest reason of a stop, in characters; a character has at most four bytes. */
const longestReason = 500;

/** The file with what it says. Null also while it cannot be looked at, which stops but is nothing to keep. */
export function createEmergencyReader(place: Place): () => EmergencyMark | null {
  const file = fileOf(place);
  return () => {
    try {
      const since = lstatSync(file).mtime;
      return { since, reason: reasonIn(file) };
    } catch {
      return null;
    }
  };
}

/** The first line; null where there is none to read. */
function reasonIn(file: string): string | null {
  try {
    const handle = openSync(file, 'r');
    try {
      const bytes = Buffer.alloc(longestReason * 4);
      const read = readSync(handle, bytes);
      const [line = ''] = bytes.toString('utf8', 0, read).split('\n', 1);
      const text = line.replace(/\p{Cc}/gu, ' ').trim();
      return text === '' ? null : text.slice(0, longestReason);
    } finally {
      closeSync(handle);
    }
  } catch {
    return null;
  }
}

const isMissing = (cause: unknown): boolean =>
  cause instanceof Error && 'code' in cause && cause.code === 'ENOENT';
