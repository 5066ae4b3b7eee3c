/**
 * The one way out of a hook's sandbox: a unix socket that leads to the target's database and to nothing else. The hook has
 * no network of its own; the deliverer chooses the host and the port from the approved target file.
 */
import { chmod, mkdir, open } from 'node:fs/promises';
import { createServer, connect, type Socket } from 'node:net';

export type Egress = {
  /** Cuts every connection and stops listening. */
  close(): Promise<void>;
};

const maxConnections = 8;
const connectTimeoutMs = 5_000;

/** The name under which Postgres clients look for a socket in a directory given as host. */
export const postgresSocketName = '.s.PGSQL.5432';

/**
 * Listens at `<directory>/.s.PGSQL.5432`, which is made here, and relays every connection to `to`.
 *
 * @param options.onRefused called when the database could not be reached, for the delivery's log.
 */
export async function openDatabaseEgress(options: {
  directory: string;
  to: { readonly host: string; readonly port: number };
  onRefused(reason: string): void;
}): Promise<Egress> {
  const open_ = new Set<Socket>();
  const server = createServer((inside) => {
    const outside = connect({ host: options.to.host, port: options.to.port });
    const deadline = setTimeout(() => {
      outside.destroy(new Error(`no connection within ${connectTimeoutMs} ms`));
    }, connectTimeoutMs);
    outside.once('connect', () => {
      clearTimeout(deadline);
    });
    for (const socket of [inside, outside]) open_.add(socket);
    inside.pipe(outside).pipe(inside);
    let connected = false;
    outside.once('connect', () => {
      connected = true;
    });
    outside.on('error', (error) => {
      if (!connected) options.onRefused(`${options.to.host}:${options.to.port}: ${error.message}`);
    });
    // An error on either side is followed by its close, which ends the other.
    inside.on('error', () => {});
    const end = (): void => {
      clearTimeout(deadline);
      inside.destroy();
      outside.destroy();
      open_.delete(inside);
      open_.delete(outside);
    };
    inside.once('close', end);
    outside.once('close', end);
  });
  server.maxConnections = maxConnections;

  await mkdir(options.directory);
  await chmod(options.directory, 0o755);
  // A socket's path may have 107 bytes; through the descriptor of its directory it always fits.
  const directory = await open(options.directory);
  try {
    const path = `/proc/self/fd/${directory.fd}/${postgresSocketName}`;
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen({ path, writableAll: true, readableAll: true }, () => {
        server.off('error', reject);
        resolve();
      });
    });
  } catch (cause) {
    await directory.close();
    throw cause;
  }
  return {
    async close() {
      const closed = new Promise<void>((resolve) => {
        server.close(() => {
          resolve();
        });
      });
      for (const socket of open_) socket.destroy();
      await closed;
      await directory.close();
    },
  };
}
