/** The files for people: nothing in them may differ from what is signed. */
import { sha256Hex } from '@airlock/common/encoding/hex';
import { describeRecords, type SignedRecords } from '@airlock/common/evidence/describe';
import type { EvidenceArchive } from './files.ts';
import { EvidenceFault } from './report.ts';

/** @throws EvidenceFault that names the file. */
export function checkRecords(archive: EvidenceArchive, records: SignedRecords): string {
  const { delivery } = records;
  const described = describeRecords(records);
  for (const [name, content] of described) {
    if (archive.file(name).toString('utf8') !== content) {
      throw new EvidenceFault(`${name} is not what the signed statements say`);
    }
  }
  const log = archive.file('log.txt');
  if (sha256Hex(log) !== delivery.log.sha256) {
    throw new EvidenceFault('log.txt is not the log that the delivery statement covers');
  }
  if (delivery.trust !== null && sha256Hex(archive.file('trust.json')) !== delivery.trust) {
    throw new EvidenceFault('trust.json is not the one that the delivery statement names');
  }
  return `${[...described.keys()].join(', ')}, log.txt (${delivery.log.lines} lines) and trust.json are what the statement covers`;
}
