/**
 * The emergency stop: a file on the host that processes look for before every step, so that it works while Postgres, Redis and
 * the IdP are down. Root makes it and root removes it; the gate's users may only read it.
 */
import { statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { EmergencyStop } from '../../app/stop-ports.ts';

/** Beside administrators.json, which every process of the gate is told of and none may write beside. */
export const emergencyStopFile = (administratorsFile: string): string =>
  join(dirname(administratorsFile), 'emergency-stop');

export function createEmergencyStop({
  administratorsFile,
}: {
  readonly administratorsFile: string;
}): EmergencyStop {
  const file = emergencyStopFile(administratorsFile);
  return () => {
    try {
      return statSync(file).mtime;
    } catch (cause) {
      // Only a file that is not there stops nothing: what cannot be looked at may be.
      const isMissing = cause instanceof Error && 'code' in cause && cause.code === 'ENOENT';
      return isMissing ? null : new Date(0);
    }
  };
}
