import { createServer } from 'node:net';

/**
 * A TCP port of 127.0.0.1 that nobody listens on: `preferred` when it is free, otherwise one the system picks.
 * Somebody may take it before the caller does; whoever listens must still report a taken port.
 */
export async function freePort(preferred?: number): Promise<number> {
  if (preferred !== undefined && (await tryPort(preferred)) !== null) return preferred;
  const port = await tryPort(0);
  if (port === null) throw new Error('no free TCP port on 127.0.0.1');
  return port;
}

/** Whether something listens on this port of 127.0.0.1. */
export async function portIsTaken(port: number): Promise<boolean> {
  return (await tryPort(port)) === null;
}

function tryPort(port: number): Promise<number | null> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE' || error.code === 'EACCES') resolve(null);
      else reject(error);
    });
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => {
      const address = server.address();
      server.close(() => {
        resolve(typeof address === 'object' && address !== null ? address.port : null);
      });
    });
  });
}
