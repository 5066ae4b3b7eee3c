/** Whether a target gives a hook what its manifest needs, asked before any credential exists. */
import type { Egress } from '@airlock/common/policy/target-egress';
import type { HookManifest } from '@airlock/process/hook-manifest';
import { hookNeedFaults, type GivenToHook } from '@airlock/process/hook-needs';
import { socketPath } from './egress/open.ts';
import { HookError } from './errors.ts';

/** @throws HookError `hook-needs` naming every difference. */
export function checkNeeds(manifest: HookManifest, given: GivenToHook): void {
  const faults = [...hookNeedFaults(manifest, given), ...sameSockets(given.egress)];
  if (faults.length === 0) return;
  throw new HookError(
    'hook-needs',
    `hook ${manifest.name} and the target file do not fit: ${faults.join('; ')}. Correct credentials.vault.reads or deliver.egress of the target file, or needs in hook.yaml`,
  );
}

/** `db` of kind postgres is a directory, and `db.sock` could be the name of another egress. */
function sameSockets(egresses: readonly Egress[]): string[] {
  const first = (egress: Egress): string => {
    const { directory, name } = socketPath(egress);
    return directory === '' ? name : directory;
  };
  return egresses.flatMap((egress, index) => {
    const other = egresses.slice(0, index).find((each) => first(each) === first(egress));
    return other === undefined
      ? []
      : [`egress ${other.as} and ${egress.as} would be one file; rename one`];
  });
}
