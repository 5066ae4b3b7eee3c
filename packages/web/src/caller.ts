import type { IncomingMessage } from 'node:http';
import { networks, sourceAddress } from '@airlock/process/networks';
import type { WebListen } from './listen-settings.ts';

/** Whose request it is: the address of its connection, or the one that the proxies of the configuration name. */
export function createCallerAddress(listen: WebListen): (request: IncomingMessage) => string {
  const proxies = networks(listen.proxies ?? []);
  return ({ socket, headersDistinct }) =>
    sourceAddress(
      socket.remoteAddress ?? '',
      headersDistinct['x-forwarded-for']?.join(','),
      proxies,
    );
}
