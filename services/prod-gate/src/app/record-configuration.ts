/**
 * Intake's part in a change of configuration: it is in the ledger before anything is admitted under it, and authority and
 * deliverer decide under none that is not there.
 */
import { ConfigurationTrustError, succession } from '@airlock/common/trust/configuration-manifest';
import type { ConfigurationStore, GateFiles, SignedConfiguration } from './configuration-ports.ts';
import type { Recorder } from './ledger-ports.ts';
import type { Transactor } from './ports.ts';

/**
 * The gate's files, each configuration recorded when it is first seen.
 *
 * @returns a function that reads them and throws ConfigurationTrustError `E_CONFIGURATION_ROLLBACK` for a configuration that
 *   does not follow the newest one on record.
 */
export function recordedFiles(ports: {
  files(): Promise<GateFiles>;
  transactor: Transactor;
  configurations: ConfigurationStore;
  recorder: Recorder;
  onChange(configuration: SignedConfiguration): void;
  clock: () => Date;
}): () => Promise<GateFiles> {
  let recorded: string | null = null;
  let turn: Promise<unknown> = Promise.resolve();
  const read = async (): Promise<GateFiles> => {
    const files = await ports.files();
    const { manifest } = files;
    if (manifest.digest === recorded) return files;
    const fault = succession(manifest, await ports.configurations.newest());
    if (fault !== null) {
      throw new ConfigurationTrustError(
        'E_CONFIGURATION_ROLLBACK',
        `the signed configuration may not come into force: ${fault}`,
      );
    }
    const at = ports.clock();
    const isNew = await ports.transactor.transaction(async (tx) => {
      if (!(await ports.configurations.insert(tx, manifest, at))) return false;
      await ports.recorder.record(tx, {
        type: 'configuration.changed',
        at,
        actor: 'intake',
        subjectDigest: manifest.digest,
        refs: configurationRefs(manifest),
      });
      return true;
    });
    recorded = manifest.digest;
    if (isNew) ports.onChange(manifest);
    return files;
  };
  return () => {
    // One after another: files that were read before another caller recorded newer ones would look like older ones put back.
    const files = turn.then(read, read);
    turn = files;
    return files;
  };
}

function configurationRefs({
  serial,
  previous,
  signers,
}: SignedConfiguration): Record<string, string> {
  return {
    serial: String(serial),
    ...(previous === null ? {} : { previous }),
    ...Object.fromEntries(signers.map((keyid, index) => [`signer${index + 1}`, keyid])),
  };
}
