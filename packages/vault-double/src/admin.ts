/**
 * A second loopback listener on which another process makes the stand-in fail and lets its time pass: JSON over HTTP, without
 * any check of who calls, which is why it exists only when it is asked for.
 *
 * - `GET /` → `{conditions, faults: [{id, match, …}]}`
 * - `PUT /conditions` with some of the conditions → all of them
 * - `POST /faults` `{match, times?, kind, …}` → `{id}`; `DELETE /faults/ID`; `DELETE /` lifts everything
 * - `POST /clock` `{advanceMilliseconds}` → 204 when everything that became due is done
 */
import { type IncomingMessage, type Server, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { z } from 'zod';
import { ApiFailure, readBody } from './api.ts';
import type { Clock, ManualClock } from './clock.ts';
import { type Conditions, FaultKind, type Faults, noConditions } from './faults.ts';
import { readJson } from './wire.ts';

const NewConditions = z
  .strictObject({
    sealed: z.boolean(),
    auditFailing: z.boolean(),
    databaseDown: z.boolean(),
    lazyRevocation: z.boolean(),
    clockSkewMilliseconds: z.int(),
  })
  .partial();

const Match = z.object({
  match: z.string().transform((source, context) => {
    try {
      return new RegExp(source);
    } catch {
      context.addIssue({ code: 'custom', message: 'not a regular expression' });
      return z.NEVER;
    }
  }),
  times: z.int().min(1).optional(),
});

const Advance = z.strictObject({ advanceMilliseconds: z.int().min(0) });

export type AdminPort = { readonly address: string; stop(): void };

/**
 * @param options.port 0 picks a free one.
 * @param options.clock one without `advance` makes `POST /clock` answer 409.
 */
export async function startAdminPort({
  host,
  port,
  faults,
  clock,
}: {
  host: '127.0.0.1' | '::1';
  port: number;
  faults: Faults;
  clock: Clock | ManualClock;
}): Promise<AdminPort> {
  const injected = new Map<string, { shown: object; remove: () => void }>();
  let made = 0;
  const conditions = (): Conditions => ({
    sealed: faults.sealed,
    auditFailing: faults.auditFailing,
    databaseDown: faults.databaseDown,
    lazyRevocation: faults.lazyRevocation,
    clockSkewMilliseconds: faults.clockSkewMilliseconds,
  });

  function inject(body: Record<string, unknown>) {
    const { match, times, ...rest } = body;
    const where = readBody(Match, { match, times });
    const fault = {
      match: where.match,
      ...(where.times === undefined ? {} : { times: where.times }),
      ...readBody(FaultKind, rest),
    };
    made += 1;
    const id = String(made);
    injected.set(id, { shown: { id, ...body }, remove: faults.inject(fault) });
    return { status: 201, body: { id } };
  }

  function lift(id: string) {
    const found = injected.get(id);
    if (found === undefined) throw new ApiFailure(404, `no fault ${id}`);
    found.remove();
    injected.delete(id);
    return { status: 204 };
  }

  async function answer(request: IncomingMessage): Promise<{ status: number; body?: unknown }> {
    const route = `${request.method ?? ''} ${request.url ?? ''}`;
    const [, id] = /^DELETE \/faults\/(\d+)$/.exec(route) ?? [];
    if (id !== undefined) return lift(id);
    switch (route) {
      case 'GET /':
        return {
          status: 200,
          body: {
            conditions: conditions(),
            faults: [...injected.values()].map(({ shown }) => shown),
          },
        };
      case 'PUT /conditions': {
        const wanted = readBody(NewConditions, await readJson(request));
        Object.assign(faults, wanted);
        return { status: 200, body: conditions() };
      }
      case 'POST /faults':
        return inject(await readJson(request));
      case 'DELETE /':
        for (const key of [...injected.keys()]) lift(key);
        Object.assign(faults, noConditions);
        return { status: 204 };
      case 'POST /clock': {
        const { advanceMilliseconds } = readBody(Advance, await readJson(request));
        if (!('advance' in clock)) {
          throw new ApiFailure(
            409,
            'this stand-in runs on the system clock, which cannot be moved',
          );
        }
        await clock.advance(advanceMilliseconds);
        return { status: 204 };
      }
      default:
        throw new ApiFailure(404, `no ${route} here`);
    }
  }

  const server: Server = createServer((request, response) => {
    answer(request)
      .catch((error: unknown) => ({
        status: error instanceof ApiFailure ? error.status : 500,
        body: { errors: error instanceof ApiFailure ? error.errors : [String(error)] },
      }))
      .then(({ status, body }: { status: number; body?: unknown }) => {
        response.writeHead(status, { 'Content-Type': 'application/json' });
        response.end(body === undefined ? undefined : JSON.stringify(body));
      })
      .catch(() => response.destroy());
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, resolve);
  });
  // A TCP listener's address is an AddressInfo; only pipes answer with text.
  const bound = server.address() as AddressInfo;
  return {
    address: `http://${host === '::1' ? '[::1]' : host}:${bound.port}`,
    stop() {
      server.close();
      server.closeAllConnections();
    },
  };
}
