/** Requests and replies as they stand on the wire. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { ApiFailure, type Operation, type Reply } from './api.ts';

const mostBodyBytes = 1024 * 1024;

export function operationOf(method: string, url: URL): Operation {
  if (method === 'GET')
    return /^(?:1|t|true)$/i.test(url.searchParams.get('list') ?? '') ? 'list' : 'read';
  if (method === 'POST' || method === 'PUT') return 'update';
  if (method === 'DELETE') return 'delete';
  throw new ApiFailure(405);
}

/** @throws ApiFailure 400 or 413 for what is no JSON object, or is too long. */
export async function readJson(request: IncomingMessage): Promise<Record<string, unknown>> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request) {
    // The stream has no encoding set, so its chunks are buffers.
    const bytes = chunk as Buffer;
    size += bytes.length;
    if (size > mostBodyBytes) throw new ApiFailure(413, 'request body too large');
    chunks.push(bytes);
  }
  if (size === 0) return {};
  try {
    const value: unknown = JSON.parse(Buffer.concat(chunks).toString('utf8'));
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { ...value };
  } catch {
    // Falls through to the same answer as a body that is JSON but no object.
  }
  throw new ApiFailure(400, 'failed to decode JSON input: invalid');
}

export function send(response: ServerResponse, { status, body, headers, isCutShort }: Reply): void {
  if (body === undefined) {
    response.writeHead(status, { ...headers }).end();
    return;
  }
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  response.writeHead(status, {
    'Content-Type': 'application/json',
    'Cache-Control': 'no-store',
    'Content-Length': Buffer.byteLength(text),
    ...headers,
  });
  if (isCutShort !== true) {
    response.end(text);
    return;
  }
  response.write(text.slice(0, text.length / 2), () => {
    response.destroy();
  });
}
