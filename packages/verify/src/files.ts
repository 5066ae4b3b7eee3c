/** The archive as a set of files: exactly those that evidence has, each with the digest that the manifest gives. */
import { sha256Hex } from '@airlock/common/encoding/hex';
import { evidenceFiles, type EvidenceFile } from '@airlock/common/evidence/format';
import { EvidenceFault } from './report.ts';

export type EvidenceArchive = {
  readonly all: ReadonlyMap<string, Buffer>;
  /** @throws EvidenceFault when it is not there. */
  readonly file: (name: string) => Buffer;
  readonly text: (name: EvidenceFile) => string;
};

const manifestName = 'MANIFEST.sha256';
const proofName = /^ledger\/proofs\/(0|[1-9]\d*)\.tlog-proof$/;

export function archiveOf(all: ReadonlyMap<string, Buffer>): EvidenceArchive {
  const file = (name: string): Buffer => {
    const content = all.get(name);
    if (content === undefined) throw new EvidenceFault(`${name} is missing`);
    return content;
  };
  return { all, file, text: (name) => file(name).toString('utf8') };
}

/** @throws EvidenceFault that names the file which is missing, unknown or other than the manifest says. */
export function checkManifest({ all, file }: EvidenceArchive): string {
  for (const name of evidenceFiles) file(name);
  const known = new Set<string>(evidenceFiles);
  for (const name of all.keys()) {
    if (!known.has(name) && !proofName.test(name)) {
      throw new EvidenceFault(`${name} does not belong into evidence`);
    }
  }
  const wanted = [...all]
    .filter(([name]) => name !== manifestName)
    .map(([name, content]) => ({ name, line: `${sha256Hex(content)}  ${name}` }));
  const listed = new Set(file(manifestName).toString('utf8').split('\n').filter(Boolean));
  for (const { name, line } of wanted) {
    if (!listed.delete(line)) throw new EvidenceFault(`${name} differs from ${manifestName}`);
  }
  const [more] = listed;
  if (more !== undefined) throw new EvidenceFault(`${manifestName} lists ${more.slice(66)}, too`);
  return `${wanted.length} files match ${manifestName}`;
}

/** Lines that each end in a line feed, none of them empty. @throws EvidenceFault */
export function linesIn({ text }: EvidenceArchive, name: EvidenceFile): string[] {
  const content = text(name);
  if (content === '') return [];
  const lines = content.split('\n');
  const last = lines.pop();
  if (last === '' && !lines.includes('')) return lines;
  throw new EvidenceFault(`${name} has an empty line, or a last one without its line feed`);
}
