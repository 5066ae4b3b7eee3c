/** The wire of `@airlock/common/wire/signer-protocol`: HTTP over a unix socket whose permissions are the access control. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { z } from 'zod';
import { AirlockError } from '@airlock/common/errors';
import type { Problem } from '@airlock/common/wire/problem';
import {
  PromotionRequestRequest,
  ProvenanceRequest,
  TestResultRequest,
  type SignedEnvelope,
  type SignerKeys,
} from '@airlock/common/wire/signer-protocol';
import { GitError } from '@airlock/git/git-error';
import type { Log } from '@airlock/process/log';
import type { Signed, StatementSigner } from '../sign.ts';

/** A request holds a plan, of 256 KiB at most, and an attestation. */
const maxBodyBytes = 512 * 1024;

const statusOf = {
  'request-malformed': 400,
  'not-found': 404,
  'statement-refused': 409,
  'git-unavailable': 503,
  'internal-error': 500,
} as const;

class RequestError extends AirlockError<keyof typeof statusOf> {}

export function createSignerServer(ports: {
  signer: StatementSigner;
  keys: SignerKeys;
  log: Log;
}): Server {
  const { signer, keys, log } = ports;

  async function sign<T>(
    request: IncomingMessage,
    schema: z.ZodType<T>,
    act: (body: T) => Promise<Signed>,
  ): Promise<Signed> {
    return act(parseBody(schema, await readBody(request)));
  }

  const routes: Readonly<Record<string, (request: IncomingMessage) => Promise<Signed>>> = {
    'POST /v1/provenance': (request) => sign(request, ProvenanceRequest, signer.provenance),
    'POST /v1/test-result': (request) => sign(request, TestResultRequest, signer.testResult),
    'POST /v1/promotion-request': (request) =>
      sign(request, PromotionRequestRequest, signer.promotionRequest),
  };

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const name = `${request.method ?? ''} ${request.url ?? ''}`;
    if (name === 'GET /v1/keys') {
      send(response, 200, keys);
      return;
    }
    const handle = Object.hasOwn(routes, name) ? routes[name] : undefined;
    if (handle === undefined) throw new RequestError('not-found', 'there is no such request');
    const result = await handle(request);
    if (result.signed) {
      log.info('statement.signed', { request: name, keyids: result.keyids });
      send(response, 200, { envelope: result.envelope } satisfies SignedEnvelope);
      return;
    }
    const codes = result.reasons.map(({ code }) => code);
    log.warn('statement.refused', { request: name, codes });
    const [first] = result.reasons;
    send(response, statusOf['statement-refused'], {
      ...problem(first.code, 'This statement is not signed.', statusOf['statement-refused']),
      detail: result.reasons.map(({ detail }) => detail).join('; '),
      codes,
    });
  }

  return createServer({ requestTimeout: 10_000, headersTimeout: 5_000 }, (request, response) => {
    answer(request, response).catch((error: unknown) => {
      const { code, message } = requestError(error, log);
      response.setHeader('connection', 'close');
      send(response, statusOf[code], problem(code, message, statusOf[code]));
    });
  });
}

function requestError(error: unknown, log: Log): RequestError {
  if (error instanceof RequestError) return error;
  const cause = error instanceof Error ? error : new Error(String(error));
  if (cause instanceof GitError) {
    log.error('main.unavailable', { error: cause });
    const words = `main could not be fetched (${cause.code}: ${cause.message}); nothing is signed without it`;
    return new RequestError('git-unavailable', words, { cause });
  }
  log.error('request.failed', { error: cause });
  return new RequestError('internal-error', "the request failed; see the signer's log", { cause });
}

function problem(code: string, title: string, status: number): Problem {
  return { type: `urn:airlock:problem:${code}`, title, status, code };
}

function send(response: ServerResponse, status: number, body: unknown): void {
  const type = status < 400 ? 'application/json' : 'application/problem+json';
  response.writeHead(status, { 'content-type': type, 'cache-control': 'no-store' });
  response.end(JSON.stringify(body));
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  // A message without an encoding yields buffers.
  const parts: AsyncIterable<Buffer> = request;
  for await (const part of parts) {
    size += part.length;
    if (size > maxBodyBytes) {
      throw new RequestError('request-malformed', `the body has more than ${maxBodyBytes} bytes`);
    }
    chunks.push(part);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function parseBody<T>(schema: z.ZodType<T>, text: string): T {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new RequestError('request-malformed', 'the body is not JSON', { cause });
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const faults = parsed.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`);
  throw new RequestError('request-malformed', faults.join('; '));
}
