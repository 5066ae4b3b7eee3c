/** What the gate may ask; see the wire format in `@airlock/common/wire/outbox`. Reads only, but for statuses. */
import type { FileHandle } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { AirlockError } from '@airlock/common/errors';
import { StatusReport } from '@airlock/common/wire/outbox';
import { Sha256Hex } from '@airlock/common/wire/scalars';
import type { OutboxReader, StatusStore } from '../app/ports.ts';
import { MachineError, readJson, type MachineRoute } from '@airlock/process/machine-server';

export const gateIdentity = 'airlock:gate:intake';

const maxItems = 16;
const statusBody = 256 * 1024;

export interface OutboxApiPorts {
  readonly outbox: OutboxReader;
  readonly statuses: StatusStore;
  /** Throws an AirlockError when there is no such blob or its bytes are not what its name says. */
  openVerified(digest: string): Promise<{ readonly handle: FileHandle; readonly size: number }>;
}

export function outboxRoutes(ports: OutboxApiPorts): MachineRoute[] {
  const { outbox, statuses } = ports;
  return [
    {
      method: 'GET',
      path: '/v1/outbox',
      async handle({ query }) {
        const after = number(query.get('after'), 0, Number.MAX_SAFE_INTEGER, 0);
        const limit = number(query.get('limit'), 1, maxItems, maxItems);
        await statuses.gateSeen();
        return { status: 200, json: await outbox.page(after, limit) };
      },
    },
    {
      method: 'GET',
      path: '/v1/blobs/sha256/:hex',
      async handle({ params, response }) {
        const digest = Sha256Hex.safeParse(params['hex']);
        if (!digest.success) throw new MachineError('request-malformed', 'not a SHA-256 digest');
        // The store holds more than the gate has any business with.
        if (!(await outbox.names(digest.data))) {
          throw new MachineError('not-found', `no item of the outbox names ${digest.data}`);
        }
        const blob = await open(digest.data, ports);
        response.writeHead(200, {
          'content-type': 'application/octet-stream',
          'content-length': blob.size,
          'cache-control': 'no-store',
        });
        await pipeline(
          blob.handle.createReadStream({ start: 0, highWaterMark: 1 << 20 }),
          response,
        );
        return 'streamed';
      },
    },
    {
      method: 'POST',
      path: '/v1/status',
      async handle({ request }) {
        const { reports } = await readJson(request, StatusReport, statusBody);
        for (const { page } of reports) {
          // It becomes a link on our pages.
          if (page !== null && !/^https?:\/\//.test(page)) {
            throw new MachineError('request-malformed', 'page: an http or https address expected');
          }
        }
        await statuses.gateSeen();
        await statuses.record(reports);
        return { status: 204 };
      },
    },
  ];
}

async function open(
  digest: string,
  ports: Pick<OutboxApiPorts, 'openVerified'>,
): ReturnType<OutboxApiPorts['openVerified']> {
  try {
    return await ports.openVerified(digest);
  } catch (cause) {
    if (!(cause instanceof AirlockError)) throw cause;
    if (cause.code === 'artifact-missing') {
      throw new MachineError('not-found', `${digest} is not in the store`, { cause });
    }
    // An answer and not an accident: the gate refuses the item and goes on with the next one.
    if (cause.code === 'artifact-corrupt') {
      throw new MachineError(
        'artifact-digest-mismatch',
        `what the store keeps as ${digest} is not that`,
        { cause },
      );
    }
    throw cause;
  }
}

function number(text: string | null, least: number, most: number, otherwise: number): number {
  if (text === null) return otherwise;
  const value = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= least && value <= most)) {
    throw new MachineError('request-malformed', `a number from ${least} to ${most} expected`);
  }
  return value;
}
