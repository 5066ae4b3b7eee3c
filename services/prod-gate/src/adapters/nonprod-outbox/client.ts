/**
 * The only file that opens a connection towards nonprod. TLS 1.3, mutual, a CA of its own; what comes back is bytes to judge.
 */
import type { IncomingMessage } from 'node:http';
import { request } from 'node:https';
import { maxNoteBytes } from '@airlock/common/limits';
import { OutboxPage, type StatusReport } from '@airlock/common/wire/outbox';
import { SecretMarks, secretMarksPath } from '@airlock/common/wire/secret-marks';
import { FilePath } from '@airlock/process/config';
import { mutualTlsAgent } from '@airlock/process/mtls';
import { z } from 'zod';
import type { OutboxClient, Witness } from '../../app/intake-ports.ts';
import { OutboxError, type OutboxErrorCode } from './errors.ts';

export const OutboxSettings = z.strictObject({
  url: z
    .string()
    .regex(/^https:\/\/[^/?#\s]+$/, 'expected https://host:port without a path')
    .describe("Address of nonprod's outbox, such as https://nonprod.internal:26443."),
  caFile: FilePath.describe('CA of the gate edge (PEM): the only one that is trusted here.'),
  certificateFile: FilePath.describe("The gate's client certificate (PEM), airlock:gate:intake."),
  keyFile: FilePath.describe('Its private key (PEM).'),
  timeoutSeconds: z
    .int()
    .min(1)
    .max(300)
    .default(15)
    .describe('Longest silence on a connection, in seconds (1 to 300). Default 15.'),
});
export type OutboxSettings = z.infer<typeof OutboxSettings>;

const maxJsonBytes = 256 * 1024;
/** An answer that brings less than this is given up: one item must not hold up all others for as long as it likes. */
const slowestBytesPerSecond = 64 * 1024;

/** Answers about one blob that asking again will not change. */
const codeOfStatus: Readonly<Record<number, OutboxErrorCode>> = {
  404: 'outbox-blob-missing',
  422: 'outbox-blob-corrupt',
};

export function createOutboxClient(
  settings: OutboxSettings,
): OutboxClient & Witness & { close(): void } {
  const agent = mutualTlsAgent({ ...settings, serverIdentity: 'airlock:nonprod:outbox' });

  async function send(
    method: 'GET' | 'POST',
    path: string,
    body?: string | Buffer,
  ): Promise<IncomingMessage> {
    return new Promise((resolve, reject) => {
      const outgoing = request(
        new URL(path, settings.url),
        {
          agent,
          method,
          timeout: settings.timeoutSeconds * 1000,
          headers:
            body === undefined
              ? {}
              : {
                  'content-type': typeof body === 'string' ? 'application/json' : 'text/plain',
                  'content-length': Buffer.byteLength(body),
                },
        },
        resolve,
      );
      outgoing.on('timeout', () => {
        outgoing.destroy(new Error(`silent for ${settings.timeoutSeconds} s`));
      });
      outgoing.on('error', (cause) => {
        reject(
          new OutboxError(
            'outbox-unreachable',
            `outbox ${settings.url}: ${cause.message}; check outbox.url and that nonprod's outbox process runs`,
            { cause },
          ),
        );
      });
      outgoing.end(body);
    });
  }

  function refuse(response: IncomingMessage, what: string): never {
    response.destroy();
    const status = response.statusCode ?? 0;
    throw new OutboxError(
      codeOfStatus[status] ?? 'outbox-unreachable',
      `outbox ${settings.url}: ${what} answered ${status}`,
    );
  }

  return {
    async page({ after, limit }) {
      const response = await send('GET', `/v1/outbox?after=${after}&limit=${limit}`);
      if (response.statusCode !== 200) refuse(response, 'the list');
      const body = await wholeOf(response, {
        maxBytes: maxJsonBytes,
        seconds: settings.timeoutSeconds,
      });
      const json = jsonOf(body.toString('utf8'));
      const listed = itemsIn(json);
      if (listed > limit) throw beyondLimit(`${listed} items where ${limit} were asked for`);
      const page = OutboxPage.safeParse(json);
      if (!page.success) throw malformed(z.prettifyError(page.error));
      return page.data;
    },

    async blob(digest) {
      const response = await send('GET', `/v1/blobs/sha256/${digest}`);
      if (response.statusCode !== 200) refuse(response, `blob ${digest}`);
      return bytesOf(response, settings.timeoutSeconds);
    },

    async report(report: StatusReport) {
      const response = await send('POST', '/v1/status', JSON.stringify(report));
      if (response.statusCode !== 204) refuse(response, 'the status report');
      response.resume();
    },

    async secretMarks(request) {
      const response = await send('POST', secretMarksPath, JSON.stringify(request));
      if (response.statusCode !== 200) refuse(response, 'the marks of its secrets');
      const body = await wholeOf(response, {
        maxBytes: maxJsonBytes,
        seconds: settings.timeoutSeconds,
      });
      const marks = SecretMarks.safeParse(jsonOf(body.toString('utf8')));
      if (!marks.success) throw malformed(z.prettifyError(marks.error));
      return marks.data;
    },

    async addCheckpoint(body) {
      const response = await send('POST', '/v1/witness/add-checkpoint', body);
      return {
        status: response.statusCode ?? 0,
        body: await wholeOf(response, { maxBytes: maxNoteBytes, seconds: settings.timeoutSeconds }),
      };
    },

    close() {
      agent.destroy();
    },
  };
}

async function wholeOf(
  response: IncomingMessage,
  { maxBytes, seconds }: { maxBytes: number; seconds: number },
): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of bytesOf(response, seconds)) {
    size += chunk.length;
    if (size > maxBytes) {
      response.destroy();
      throw beyondLimit(`more than ${maxBytes} bytes`);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** Bytes as they come. A silent connection is told by its timeout; one that drips is told here, after twice as long. */
async function* bytesOf(response: IncomingMessage, seconds: number): AsyncGenerator<Buffer> {
  const least = slowestBytesPerSecond * seconds;
  let sinceLook = 0;
  let slowLooks = 0;
  const looking = setInterval(() => {
    // What lies here unread waits for our disk and not for nonprod.
    const isOurs = response.readableLength > 0 || response.complete;
    slowLooks = sinceLook < least && !isOurs ? slowLooks + 1 : 0;
    sinceLook = 0;
    // Twice, because one look may fall just after this process itself was held up.
    if (slowLooks < 2) return;
    response.destroy(new Error(`less than ${least} bytes in ${seconds} s, twice`));
  }, seconds * 1000);
  try {
    for await (const chunk of response) {
      // Without setEncoding a response gives Buffers; the stream's type does not say so.
      const bytes = chunk as Buffer;
      sinceLook += bytes.length;
      yield bytes;
    }
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new OutboxError('outbox-unreachable', `an answer broke off: ${reason}`, { cause });
  } finally {
    clearInterval(looking);
  }
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw malformed('no JSON', cause);
  }
}

/** How many items an answer lists, before anything else of it is looked at. */
function itemsIn(json: unknown): number {
  const list: unknown =
    typeof json === 'object' && json !== null && 'items' in json ? json.items : null;
  return Array.isArray(list) ? list.length : 0;
}

function beyondLimit(what: string): OutboxError {
  return new OutboxError(
    'E_OUTBOX_LIMIT',
    `the outbox answered ${what}; look at nonprod, an honest outbox never does`,
  );
}

function malformed(what: string, cause?: unknown): OutboxError {
  return new OutboxError('outbox-malformed', `the outbox answered ${what}`, { cause });
}
