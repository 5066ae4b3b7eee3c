import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

/**
 * Below what Linux hands to connections (`ip_local_port_range` begins at 32768): a port of that range that is free now may be the
 * near end of somebody's connection a moment later.
 */
const listened = { first: 10_240, count: 22_528 };

/** Somebody may ask for several before listening at the first. */
const handedOut = new Set<number>();

/**
 * A TCP port of 127.0.0.1 that nobody listens on: `preferred` when it is free, otherwise one of 10240 to 32767 by chance that
 * this process was not handed before. Somebody may take it before the caller does; whoever listens must still report a taken port.
 */
export async function freePort(preferred?: number): Promise<number> {
  if (preferred !== undefined && !(await portIsTaken(preferred))) return preferred;
  for (let tries = 0; tries < 100; tries += 1) {
    const port = listened.first + randomInt(listened.count);
    if (handedOut.has(port) || (await portIsTaken(port))) continue;
    handedOut.add(port);
    return port;
  }
  throw new Error('no free TCP port on 127.0.0.1');
}

/** Whether something listens on this port of 127.0.0.1. */
export function portIsTaken(port: number): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE' || error.code === 'EACCES') resolve(true);
      else reject(error);
    });
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => {
      server.close(() => {
        resolve(false);
      });
    });
  });
}
