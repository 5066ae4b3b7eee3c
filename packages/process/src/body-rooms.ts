/**
 * Memory for bodies that come in floods, used again and again: what a server makes anew for each of them costs it more to
 * collect than to fill.
 */
import type { IncomingMessage } from 'node:http';
import { finished } from 'node:stream';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { MachineError } from './machine-server.ts';

/** Rooms that are kept for the next one. */
const maxFree = 2;
/** What is declared to be no longer gets memory of its own, so that a quiet server keeps no rooms. */
const smallBytes = 64 * 1024;

/**
 * What a socket hands over lies outside V8's heap, which lets 64 MB of it pile up before it looks; it is garbage as soon as it
 * lies in its room. Looked at after so much, it costs less time than the new pages would, and none of the memory.
 */
const youngAfterBytes = 2 * 1024 * 1024;
/**
 * A job leaves some 3 MB behind that outlived its youth, most of it outside the heap as well, of which V8 again lets 64 MB pile
 * up. As many jobs as print so much have that looked at, in some 25 ms.
 */
const allAfterBytes = 96 * 1024 * 1024;

export interface BodyRooms {
  /**
   * Reads the whole body and gives it to `use`, until whose end the bytes stay what they are; behind it they are another's.
   *
   * @throws MachineError `request-malformed` above the limit; Error when the body is cut off; what `use` throws.
   */
  read<T>(request: IncomingMessage, use: (body: Buffer) => Promise<T>): Promise<T>;
}

export function createBodyRooms(maxBytes: number): BodyRooms {
  const free: Buffer[] = [];
  const collect = collector();
  let sinceYoung = 0;
  let sinceAll = 0;
  const onBytes = (bytes: number): void => {
    sinceYoung += bytes;
    sinceAll += bytes;
    if (sinceYoung < youngAfterBytes) return;
    sinceYoung = 0;
    if (sinceAll < allAfterBytes) {
      collect({ type: 'minor' });
      return;
    }
    sinceAll = 0;
    collect({ type: 'major' });
  };
  return {
    async read(request, use) {
      const declared = Number(request.headers['content-length'] ?? maxBytes);
      if (declared <= Math.min(smallBytes, maxBytes)) {
        return await use(await fill(request, Buffer.allocUnsafe(declared), onBytes));
      }
      const room = free.pop() ?? Buffer.allocUnsafeSlow(maxBytes);
      try {
        return await use(await fill(request, room, onBytes));
      } finally {
        if (free.length < maxFree) free.push(room);
      }
    },
  };
}

/** V8's collections of what is young and of everything, which Node gives to nobody by itself. */
function collector(): (how: { readonly type: 'minor' | 'major' }) => void {
  setFlagsFromString('--expose-gc');
  // What --expose-gc puts into each new context.
  return runInNewContext('gc') as ReturnType<typeof collector>;
}

async function fill(
  request: IncomingMessage,
  room: Buffer,
  onBytes: (bytes: number) => void,
): Promise<Buffer> {
  let size = 0;
  await new Promise<void>((resolve, reject) => {
    const take = (chunk: Buffer): void => {
      if (chunk.length <= room.length - size) {
        room.set(chunk, size);
        size += chunk.length;
        onBytes(chunk.length);
        return;
      }
      // What comes behind the limit is not read, and whoever sends it is told. The room is another's by then.
      request.off('data', take).pause();
      reject(new MachineError('request-malformed', `the body has more than ${room.length} bytes`));
    };
    request.on('data', take);
    finished(request, { writable: false }, (error) => {
      if (error === undefined || error === null) resolve();
      else reject(error);
    });
  });
  return room.subarray(0, size);
}
