/** The files that decided are those that the pinned administrators signed as the configuration in force. */
import { sha256Hex } from '@airlock/common/encoding/hex';
import type { DeliveryRecord } from '@airlock/common/intoto/delivery';
import { verifyManifest } from '@airlock/common/trust/configuration-manifest';
import type { Decided } from './decided.ts';
import type { EvidenceArchive } from './files.ts';
import { theEntry, type ProvenEntry } from './ledger.ts';
import type { Pinned } from './pinned.ts';
import { EvidenceFault } from './report.ts';

/** @throws ConfigurationTrustError without a quorum; EvidenceFault that names the file which the manifest does not list. */
export function checkConfiguration(given: {
  readonly archive: EvidenceArchive;
  readonly decided: Decided;
  readonly pinned: Pinned;
  readonly entries: readonly ProvenEntry[];
  readonly record: DeliveryRecord;
}): string {
  const { archive, pinned, entries, record } = given;
  if (record.configuration === null) {
    const named = (['manifest.dsse.json', 'trust.json'] as const).find(
      (name) => archive.file(name).length > 0,
    );
    if (named !== undefined) throw new EvidenceFault(`no statement names ${named}`);
    return 'no login was asked for, so no configuration is named';
  }
  const { manifest, digest, signers } = verifyManifest(
    archive.file('manifest.dsse.json'),
    pinned.administrators,
  );
  if (digest !== record.configuration) {
    throw new EvidenceFault('manifest.dsse.json is not the one that the statement names');
  }
  const inForce = theEntry(entries, 'configuration.changed', { subject: digest });
  const later = entries.find(
    ({ type, refs, index }) =>
      type === 'credential.requested' &&
      refs['delivery'] === record.delivery &&
      index < inForce.index,
  );
  if (later !== undefined) throw new EvidenceFault('it came into force after the login');
  const files = [
    ['policy.yaml', `targets/${given.decided.document.target}.yaml`],
    ['roster.yaml', 'roster.yaml'],
    ['trust.json', 'trust.json'],
  ] as const;
  for (const [name, path] of files) {
    if (manifest.files[path] !== sha256Hex(archive.file(name))) {
      throw new EvidenceFault(`${name} is not ${path} of the signed configuration`);
    }
  }
  return `policy, roster and trust store are configuration ${manifest.serial}, signed by ${signers.length} pinned administrators`;
}
