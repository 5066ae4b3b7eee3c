/**
 * Tiles: 256 hashes each, level 0 over leaves, each level above over the roots of full tiles below. A full tile never
 * changes; a partial one only grows.
 *
 * @see C2SP tlog-tiles
 */
import { Buffer } from 'node:buffer';
import { maxLedgerEntryBytes, tileWidth } from '../limits.ts';
import { LedgerError } from './ledger-error.ts';
import { hashBytes } from './tree.ts';

/** `hashes` holds 1 to 256 hashes of 32 bytes. */
export type Tile = { readonly level: number; readonly n: number; readonly hashes: Buffer };

/** A tile by place, with how many hashes it has in a tree of a given size. */
export type TileRef = { readonly level: number; readonly n: number; readonly width: number };

/** How many leaves stand under one hash of this level. */
export function leavesPerHash(level: number): number {
  return tileWidth ** level;
}

/** How many hashes tile `n` of `level` has in a tree of `size` leaves: 0 to 256. */
export function tileWidthAt(level: number, n: number, size: number): number {
  const hashes = Math.floor(size / leavesPerHash(level)) - n * tileWidth;
  return Math.max(0, Math.min(tileWidth, hashes));
}

/** The partial tiles at the right edge of a tree: what `appendLeaves` needs of it. From level 0 upwards. */
export function edgeTiles(size: number): TileRef[] {
  const refs: TileRef[] = [];
  for (let level = 0; leavesPerHash(level) <= size; level += 1) {
    const hashes = Math.floor(size / leavesPerHash(level));
    const width = hashes % tileWidth;
    if (width > 0) refs.push({ level, n: Math.floor(hashes / tileWidth), width });
  }
  return refs;
}

/** Every tile of a tree of `size` leaves, level by level. */
export function* allTiles(size: number): Generator<TileRef> {
  for (let level = 0; leavesPerHash(level) <= size; level += 1) {
    for (let n = 0; ; n += 1) {
      const width = tileWidthAt(level, n, size);
      if (width === 0) break;
      yield { level, n, width };
    }
  }
}

/** The hashes of a tile one by one. @throws LedgerError `tile-malformed` when there are not exactly `width`. */
export function tileHashes(hashes: Buffer, width: number): Buffer[] {
  if (hashes.length !== width * hashBytes) {
    throw new LedgerError(
      'tile-malformed',
      `${width * hashBytes} bytes of hashes expected, found ${hashes.length}`,
    );
  }
  return Array.from({ length: width }, (_, index) =>
    hashes.subarray(index * hashBytes, (index + 1) * hashBytes),
  );
}

/** `tile/0/x001/234` or `tile/0/x001/234.p/8`, relative to the root of the export. */
export function tilePath({ level, n, width }: TileRef): string {
  return `tile/${level}/${numberPath(n, width)}`;
}

/** `tile/entries/x001/234` or `tile/entries/x001/234.p/8`. */
export function entriesPath(n: number, width: number): string {
  return `tile/entries/${numberPath(n, width)}`;
}

/** Beside `checkpoint`: the largest one with a witness's cosignature. Ours, not of the specification. */
export const witnessedCheckpointPath = 'checkpoint.witnessed';

/** What a path of the export names; null when it is no path of it. Partial widths are 1 to 255. */
export function parseLedgerPath(
  path: string,
):
  | { kind: 'checkpoint' }
  | ({ kind: 'tile' } & TileRef)
  | ({ kind: 'entries' } & Omit<TileRef, 'level'>)
  | null {
  if (path === 'checkpoint') return { kind: 'checkpoint' };
  const found =
    /^tile\/(entries|0|[1-9]|[1-5]\d|6[0-3])\/((?:x\d{3}\/){0,4}\d{3})(?:\.p\/([1-9]\d{0,2}))?$/.exec(
      path,
    );
  if (found === null) return null;
  const [, kind = '', number = '', partial] = found;
  const n = Number(number.replaceAll('x', '').replaceAll('/', ''));
  const width = partial === undefined ? tileWidth : Number(partial);
  const known =
    kind === 'entries' ? entriesPath(n, width) : tilePath({ level: Number(kind), n, width });
  // One tile has one path: no leading groups of zeros, no partial width of a full tile or above.
  if (known !== path || (partial !== undefined && width >= tileWidth)) return null;
  return kind === 'entries' ? { kind, n, width } : { kind: 'tile', level: Number(kind), n, width };
}

/** The bytes of `tile/entries/…`: every entry behind its length in two bytes, big end first. */
export function entryBundle(entries: readonly Uint8Array[]): Buffer {
  return Buffer.concat(
    entries.flatMap((entry) => {
      if (entry.length > maxLedgerEntryBytes) {
        throw new LedgerError('entry-too-large', `an entry of ${entry.length} bytes`);
      }
      const length = Buffer.alloc(2);
      length.writeUInt16BE(entry.length);
      return [length, entry];
    }),
  );
}

/** @throws LedgerError `tile-malformed` when the bytes end inside an entry or hold more than 256. */
export function parseEntryBundle(bytes: Buffer): Buffer[] {
  const entries: Buffer[] = [];
  for (let offset = 0; offset < bytes.length;) {
    const start = offset + 2;
    const end = start <= bytes.length ? start + bytes.readUInt16BE(offset) : Infinity;
    if (end > bytes.length) {
      throw new LedgerError('tile-malformed', `entry ${entries.length} is cut off`);
    }
    entries.push(bytes.subarray(start, end));
    offset = end;
  }
  if (entries.length > tileWidth) {
    throw new LedgerError('tile-malformed', `at most ${tileWidth} entries expected`);
  }
  return entries;
}

function numberPath(n: number, width: number): string {
  const digits = String(n);
  const groups = digits.padStart(Math.ceil(digits.length / 3) * 3, '0').match(/\d{3}/g) ?? [];
  const path = groups.map((group, index) => (index < groups.length - 1 ? `x${group}` : group));
  return path.join('/') + (width < tileWidth ? `.p/${width}` : '');
}
