import type { Server, Socket } from 'node:net';
import type { Log } from './log.ts';
import { networks } from './networks.ts';

const tellEveryMs = 60_000;

/**
 * Closes what comes from elsewhere before TLS or HTTP reads a byte of it; told at most once a minute, because scanners knock
 * often.
 *
 * @param allowFrom as `Network` takes them; null: everybody may connect.
 * @param told.setting where the networks stand in the configuration.
 */
export function closeToOthers(
  server: Server,
  allowFrom: readonly string[] | null,
  { setting, log }: { readonly setting: string; readonly log: Log },
): void {
  if (allowFrom === null) return;
  const allowed = networks(allowFrom);
  const accept = server.listeners('connection');
  let toldAt = -Infinity;
  server.removeAllListeners('connection');
  server.on('connection', (socket: Socket) => {
    const address = socket.remoteAddress ?? '';
    if (allowed.has(address)) {
      for (const each of accept) each.call(server, socket);
      return;
    }
    socket.destroy();
    if (performance.now() - toldAt < tellEveryMs) return;
    toldAt = performance.now();
    log.warn('connection.closed', { 'client.address': address, setting });
  });
}
