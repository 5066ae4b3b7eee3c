/** A wire between one process and Vault on which that process is killed with a request on its way, or with the answer. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';

/**
 * `sent`: Vault never sees the request. `executed`: Vault has carried it out and the answer reaches nobody. Those are the two
 * that the one who asked cannot tell apart.
 */
export type WireMoment = 'sent' | 'executed';

export type Wire = {
  readonly address: string;
  close(): Promise<void>;
};

/**
 * @param options.match against `METHOD path`, such as `POST auth/jwt-a/login`.
 * @param options.onHit called at the first request that matches; that one is answered never.
 */
export async function openWire(options: {
  to: string;
  match: RegExp;
  moment: WireMoment;
  onHit: () => void;
}): Promise<Wire> {
  let isHit = false;
  const server = createServer((request, response) => {
    void (async () => {
      const path = (request.url ?? '').replace(/^\/v1\//, '');
      const hits = !isHit && options.match.test(`${request.method ?? ''} ${path}`);
      if (hits) isHit = true;
      const body = await buffer(request);
      if (hits && options.moment === 'sent') {
        options.onHit();
        return;
      }
      const answer = await fetch(`${options.to}${request.url ?? ''}`, {
        method: request.method ?? 'GET',
        headers: Object.entries(request.headers).flatMap(([name, value]): [string, string][] =>
          typeof value === 'string' && /^(x-vault-|content-type$)/.test(name)
            ? [[name, value]]
            : [],
        ),
        ...(body.length === 0 ? {} : { body: new Uint8Array(body) }),
      });
      const bytes = Buffer.from(await answer.arrayBuffer());
      if (hits) {
        options.onHit();
        return;
      }
      const type = answer.headers.get('content-type');
      const double = answer.headers.get('x-airlock-vault-double');
      response.writeHead(answer.status, {
        ...(type === null ? {} : { 'content-type': type }),
        ...(double === null ? {} : { 'x-airlock-vault-double': double }),
      });
      response.end(bytes);
    })().catch(() => response.destroy());
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  // A TCP server's address is never a path.
  const { port } = server.address() as AddressInfo;
  return {
    address: `http://127.0.0.1:${port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve();
        });
        server.closeAllConnections();
      }),
  };
}
