/** How much more the gate's artifact store may take. Intake stops before the disk is full: deliveries need it, too. */
import { AirlockError } from '@airlock/common/errors';

/** Nothing is wrong with the item: it waits, with all behind it, until a person has made room. */
export class StoreFullError extends AirlockError<'artifact-store-full'> {}

export type RoomLimits = {
  /** Most that the store may hold, in bytes. */
  maxStoreBytes: number;
  /** Share of its disk that stays free, in percent. */
  keepFreePercent: number;
};

export type Room = {
  /** 0 when there is none. */
  readonly bytes: number;
  /** What bounds it, for people. */
  readonly bound: string;
};

/** What the room is measured by. */
export type MeasuredStore = {
  list(): Promise<readonly { readonly size: number }[]>;
  space(): Promise<{ readonly freeBytes: number; readonly totalBytes: number } | null>;
};

export async function measureRoom(store: MeasuredStore, limits: RoomLimits): Promise<Room> {
  const [blobs, space] = await Promise.all([store.list(), store.space()]);
  const used = blobs.reduce((sum, { size }) => sum + size, 0);
  const byQuota: Room = {
    bytes: Math.max(0, limits.maxStoreBytes - used),
    bound: `${used} of at most ${limits.maxStoreBytes} bytes (maxStoreBytes) are used`,
  };
  if (space === null) return byQuota;
  const reserve = Math.ceil((space.totalBytes * limits.keepFreePercent) / 100);
  const byDisk: Room = {
    bytes: Math.max(0, space.freeBytes - reserve),
    bound: `its disk has ${space.freeBytes} bytes left and ${reserve} stay free (keepFreePercent)`,
  };
  return byDisk.bytes < byQuota.bytes ? byDisk : byQuota;
}

/** @throws StoreFullError when so many bytes do not fit. */
export function requireRoom(room: Room, bytes: number): void {
  if (bytes <= room.bytes) return;
  throw new StoreFullError(
    'artifact-store-full',
    `the artifact store has no room for ${bytes} bytes: ${room.bound}; ` +
      'nothing is taken from nonprod until there is room, deliveries go on; remove old artifacts, or raise the limit',
  );
}
