/** The values that steps of one job were given, for as long as the job lasts: what may stand in no log and no kept file. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { createGunzip } from 'node:zlib';
import { createMasker, type Masker } from '@airlock/masking/masker';

export type KnownSecrets = {
  /** @throws RangeError for what is too short to be looked for. */
  add(name: string, value: Buffer): void;
  /** Names of those that the file holds in any form in which programs print them, itself or within gzip. */
  in(file: string): Promise<readonly string[]>;
  wipe(): void;
};

/** @param masker of the job's log: knows what is added here before `add` returns. */
export function createKnownSecrets(masker: Pick<Masker, 'add'>): KnownSecrets {
  const values = new Map<string, Buffer>();
  return {
    add(name, value) {
      masker.add([value]);
      values.set(name, Buffer.from(value));
    },
    async in(file) {
      if (values.size === 0 || !(await isAltered(file, [...values.values()]))) return [];
      const found: string[] = [];
      for (const [name, value] of values) if (await isAltered(file, [value])) found.push(name);
      return found;
    },
    wipe() {
      for (const value of values.values()) value.fill(0);
      values.clear();
    },
  };
}

/** Whether a masker would change the file. */
async function isAltered(file: string, secrets: readonly Buffer[]): Promise<boolean> {
  if (await changes(createReadStream(file), secrets)) return true;
  if (!(await isGzip(file))) return false;
  const unpacked = createReadStream(file).pipe(createGunzip());
  try {
    return await changes(unpacked, secrets);
  } catch (error) {
    // Begins like gzip and is none, or is cut off: what it would unpack to, nobody gets either.
    if (error instanceof Error && 'code' in error && String(error.code).startsWith('Z_'))
      return false;
    throw error;
  }
}

async function changes(bytes: AsyncIterable<Buffer>, secrets: readonly Buffer[]): Promise<boolean> {
  const stream = createMasker(secrets).stream();
  const [before, after] = [createHash('sha256'), createHash('sha256')];
  for await (const chunk of bytes) {
    before.update(chunk);
    after.update(stream.write(chunk));
  }
  after.update(stream.end());
  return !before.digest().equals(after.digest());
}

async function isGzip(path: string): Promise<boolean> {
  const file = await open(path);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(2), 0, 2, 0);
    return bytesRead === 2 && buffer.readUInt16BE(0) === 0x1f8b;
  } finally {
    await file.close();
  }
}
