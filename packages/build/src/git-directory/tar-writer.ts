/** Members at the end of a tar file on this machine. */
import type { FileHandle } from 'node:fs/promises';
import { blockBytes } from '@airlock/artifacts/tar-blocks';

export type TarWriter = {
  /** @param name ends with a slash; of every name: 100 bytes at most. */
  directory(name: string): Promise<void>;
  /** @param time in seconds since 1970; default: that of the writer. */
  file(name: string, content: Buffer, time?: number): Promise<void>;
  /** A file that is written piece by piece. */
  fileOfUnknownSize<T>(
    name: string,
    fill: (write: (bytes: Buffer) => Promise<void>) => Promise<T>,
  ): Promise<T>;
  end(): Promise<void>;
};

const gathered = 1 << 20;

/** @param options.at offset of the first header; what the file had from there on is lost. */
export function createTarWriter(
  file: FileHandle,
  options: { at: number; time: number },
): TarWriter {
  let position = options.at;
  let held: Buffer[] = [];
  let heldBytes = 0;

  async function flush(): Promise<void> {
    const bytes = Buffer.concat(held);
    held = [];
    heldBytes = 0;
    await writeAt(position, bytes);
    position += bytes.length;
  }
  async function writeAt(at: number, bytes: Buffer): Promise<void> {
    for (let done = 0; done < bytes.length;) {
      done += (await file.write(bytes, done, bytes.length - done, at + done)).bytesWritten;
    }
  }
  async function put(bytes: Buffer): Promise<void> {
    held.push(bytes);
    heldBytes += bytes.length;
    if (heldBytes >= gathered) await flush();
  }
  const padding = (size: number): Buffer =>
    Buffer.alloc((blockBytes - (size % blockBytes)) % blockBytes);

  return {
    directory: (name) => put(header(name, { size: 0, time: options.time })),
    async file(name, content, time = options.time) {
      await put(header(name, { size: content.length, time }));
      await put(content);
      await put(padding(content.length));
    },
    async fileOfUnknownSize(name, fill) {
      await flush();
      const at = position;
      await put(Buffer.alloc(blockBytes));
      let size = 0;
      const result = await fill(async (bytes) => {
        size += bytes.length;
        await put(bytes);
      });
      await put(padding(size));
      await flush();
      await writeAt(at, header(name, { size, time: options.time }));
      return result;
    },
    async end() {
      await put(Buffer.alloc(2 * blockBytes));
      await flush();
      await file.truncate(position);
    },
  };
}

function header(name: string, { size, time }: { size: number; time: number }): Buffer {
  const bytes = Buffer.alloc(blockBytes);
  if (Buffer.byteLength(name) > 100) throw new RangeError(`${name} is too long a name`);
  const octal = (value: number, digits: number): string => value.toString(8).padStart(digits, '0');
  const isDirectory = name.endsWith('/');
  bytes.write(name, 0);
  bytes.write(`${octal(isDirectory ? 0o755 : 0o644, 7)}\0${octal(0, 7)}\0${octal(0, 7)}\0`, 100);
  bytes.write(`${octal(size, 11)}\0${octal(time, 11)}\0`, 124);
  bytes.write(' '.repeat(8), 148);
  bytes.write(isDirectory ? '5' : '0', 156);
  bytes.write('ustar\x0000', 257, 'latin1');
  const checksum = bytes.reduce((sum, byte) => sum + byte, 0);
  bytes.write(`${octal(checksum, 6)}\0 `, 148);
  return bytes;
}
