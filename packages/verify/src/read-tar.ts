/** Reads a ustar archive held in memory: regular files only, each name once, and nothing behind its end. */
import { maxEvidenceBytes } from '@airlock/common/evidence/format';
import { EvidenceFault } from './report.ts';

const block = 512;
const nameForm = /^[A-Za-z0-9][A-Za-z0-9._/-]{0,99}$/;

/** @throws EvidenceFault for whatever an archive of evidence does not hold: links, paths that climb, doubles, a cut end. */
export function readTar(archive: Buffer): ReadonlyMap<string, Buffer> {
  if (archive.length > maxEvidenceBytes) {
    throw new EvidenceFault(`the archive is longer than ${maxEvidenceBytes} bytes`);
  }
  const files = new Map<string, Buffer>();
  let at = 0;
  for (;;) {
    const header = archive.subarray(at, at + block);
    if (header.length < block) throw new EvidenceFault('the archive is cut short');
    if (isEmpty(header)) break;
    const { path, size } = headerOf(header);
    if (files.has(path)) throw new EvidenceFault(`the archive holds ${path} twice`);
    const end = at + block + size;
    const content = archive.subarray(at + block, end);
    if (content.length !== size) throw new EvidenceFault(`the archive is cut short in ${path}`);
    at = Math.ceil(end / block) * block;
    if (!isEmpty(archive.subarray(end, at))) {
      throw new EvidenceFault(`bytes behind the end of ${path}`);
    }
    files.set(path, content);
  }
  if (archive.length !== at + 2 * block || !isEmpty(archive.subarray(at))) {
    throw new EvidenceFault('the archive does not end with two empty blocks');
  }
  return files;
}

function headerOf(header: Buffer): { path: string; size: number } {
  const path = text(header, 0, 100);
  const sizeText = text(header, 124, 12);
  // One flag beside `0` would make another tool see a link or a device where this one sees a file.
  if (
    text(header, 156, 1) !== '0' ||
    text(header, 157, 100) !== '' ||
    text(header, 345, 155) !== ''
  ) {
    throw new EvidenceFault(`the archive holds something that is no file: ${JSON.stringify(path)}`);
  }
  if (!nameForm.test(path) || path.split('/').includes('..')) {
    throw new EvidenceFault(`the archive holds a file named ${JSON.stringify(path)}`);
  }
  if (!/^[0-7]{11}$/.test(sizeText)) throw new EvidenceFault(`${path} has no readable size`);
  if (text(header, 148, 8).trim() !== checksum(header)) {
    throw new EvidenceFault(`the header of ${path} does not have its checksum`);
  }
  return { path, size: Number.parseInt(sizeText, 8) };
}

/** The sum of all bytes, with its own field counted as spaces. */
function checksum(header: Buffer): string {
  const sum = header.reduce(
    (total, byte, index) => total + (index >= 148 && index < 156 ? 0x20 : byte),
    0,
  );
  return sum.toString(8).padStart(6, '0');
}

function text(header: Buffer, from: number, length: number): string {
  const bytes = header.subarray(from, from + length);
  const end = bytes.indexOf(0);
  return bytes.subarray(0, end === -1 ? length : end).toString('latin1');
}

const isEmpty = (bytes: Buffer): boolean => bytes.every((byte) => byte === 0);
