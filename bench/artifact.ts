/** An artifact of 1 GiB: taken in (hashed, written, flushed), hashed again before a delivery, and the memory for both. */
import { createContentStore } from '@airlock/artifacts/content-store';
import { positionalChunks } from '@airlock/artifacts/verified-read';
import { execFileSync } from 'node:child_process';
import { createHash, randomFillSync } from 'node:crypto';
import {
  closeSync,
  fsyncSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { interleave, median, type Figure } from './harness.ts';

const mebibyte = 1 << 20;
const mebibytes = 1024;
const rounds = 3;
const maxBytes = mebibytes * mebibyte;
/** What a process may hold while it handles an artifact of any size. */
const rssLimit = 150;

export async function* bench(): AsyncIterable<Figure> {
  // On the disk of the checkout: a temporary directory may be memory, which flushes nothing.
  const cache = join(import.meta.dirname, '../node_modules/.cache');
  mkdirSync(cache, { recursive: true });
  const directory = mkdtempSync(join(cache, 'bench-'));
  try {
    const file = join(directory, 'artifact');
    writeRandom(file);
    const store = createContentStore(join(directory, 'store'));
    const digest = (await take(store, file)).digest;

    const samples = await interleave(rounds, {
      floor: () =>
        rate(() => {
          hashWriteFlush(file, join(directory, 'floor'));
        }),
      intake: async () => {
        await store.remove(digest);
        return rate(() => take(store, file));
      },
      openssl: () => rate(() => execFileSync('openssl', ['dgst', '-sha256', file])),
      rehash: () =>
        rate(async () => {
          const { handle } = await store.openVerified(digest);
          await handle.close();
        }),
    });
    const [floor, intake] = [median(samples.floor), median(samples.intake)];
    const [openssl, rehash] = [median(samples.openssl), median(samples.rehash)];
    yield {
      name: 'artifact intake: 1 GiB hashed, written, flushed',
      value: intake,
      unit: 'MiB/s',
      limit: floor,
      ratio: intake / floor,
    };
    yield {
      name: 'artifact rehash: 1 GiB before a delivery, peer openssl dgst',
      value: rehash,
      unit: 'MiB/s',
      peer: openssl,
      ratio: rehash / openssl,
    };
    await store.remove(digest);
    const rss = mostMemory(join(directory, 'store'), file);
    yield {
      name: 'artifact rss: most memory of a process that does both',
      value: rss,
      unit: 'MiB',
      limit: rssLimit,
      ratio: rss / rssLimit,
    };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

async function take(
  store: ReturnType<typeof createContentStore>,
  file: string,
): Promise<{ digest: string }> {
  const handle = await open(file);
  try {
    return await store.put(positionalChunks(handle), { maxBytes });
  } finally {
    await handle.close();
  }
}

/** The least code that does the same: read, hash, write, flush, by 1 MiB. */
function hashWriteFlush(from: string, to: string): void {
  const [input, output] = [openSync(from, 'r'), openSync(to, 'w')];
  const hash = createHash('sha256');
  const chunk = Buffer.allocUnsafeSlow(mebibyte);
  for (;;) {
    const length = readSync(input, chunk, 0, mebibyte, null);
    if (length === 0) break;
    hash.update(chunk.subarray(0, length));
    writeSync(output, chunk, 0, length);
  }
  hash.digest();
  fsyncSync(output);
  closeSync(input);
  closeSync(output);
  rmSync(to);
}

/** MiB a second of wall-clock time: a disk's share is no CPU time. */
async function rate(work: () => unknown): Promise<number> {
  const started = performance.now();
  await work();
  return mebibytes / ((performance.now() - started) / 1000);
}

function writeRandom(file: string): void {
  const chunk = Buffer.allocUnsafeSlow(mebibyte);
  const output = openSync(file, 'w');
  for (let written = 0; written < mebibytes; written += 1) {
    writeSync(output, randomFillSync(chunk));
  }
  closeSync(output);
}

/** In a process of its own, because this one has held other things. */
function mostMemory(directory: string, file: string): number {
  const script = `
    const { createContentStore } = await import('@airlock/artifacts/content-store');
    const { positionalChunks } = await import('@airlock/artifacts/verified-read');
    const { open } = await import('node:fs/promises');
    const store = createContentStore(${JSON.stringify(directory)});
    const input = await open(${JSON.stringify(file)});
    const { digest } = await store.put(positionalChunks(input), { maxBytes: ${maxBytes} });
    const { handle } = await store.openVerified(digest);
    await handle.close();
    await input.close();
    console.log(process.resourceUsage().maxRSS);`;
  const printed = execFileSync(
    process.execPath,
    ['--conditions=source', '--input-type=module', '-e', script],
    { cwd: import.meta.dirname, encoding: 'utf8' },
  );
  return Number(printed) / 1024;
}
