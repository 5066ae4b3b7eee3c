/** Writes ustar archives of small regular files: POSIX.1-1988, section 10.1.1, without extensions. */
import { Buffer } from 'node:buffer';

const block = 512;

/** @param modifiedAt of every file, so that the same evidence is the same archive. */
export function tarOf(files: ReadonlyMap<string, Buffer>, modifiedAt: Date): Buffer {
  const parts = [...files].flatMap(([name, content]) => [
    header(name, content.length, modifiedAt),
    content,
    Buffer.alloc((block - (content.length % block)) % block),
  ]);
  // Two empty blocks end an archive.
  return Buffer.concat([...parts, Buffer.alloc(2 * block)]);
}

function header(name: string, size: number, modifiedAt: Date): Buffer {
  const bytes = Buffer.alloc(block);
  const put = (text: string, offset: number): void => {
    bytes.write(text, offset, 'latin1');
  };
  const octal = (value: number, digits: number): string => value.toString(8).padStart(digits, '0');
  if (!/^[A-Za-z0-9][A-Za-z0-9._/-]{0,98}$/.test(name)) {
    throw new Error(`an archive of evidence has no file ${JSON.stringify(name)}`);
  }
  put(name, 0);
  put(octal(0o644, 7), 100);
  put(octal(0, 7), 108);
  put(octal(0, 7), 116);
  put(octal(size, 11), 124);
  put(octal(Math.floor(modifiedAt.getTime() / 1000), 11), 136);
  // The checksum counts its own field as spaces.
  bytes.fill(' ', 148, 156);
  put('0', 156);
  put('ustar\u000000', 257);
  const sum = bytes.reduce((total, byte) => total + byte, 0);
  put(`${octal(sum, 6)}\u0000 `, 148);
  return bytes;
}
