/** The runner's side of nonprod's runner API; the wire format is in `@airlock/common/wire/runner-protocol`. */
import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import type { IncomingMessage, RequestOptions, ClientRequest } from 'node:http';
import type { Readable } from 'node:stream';
import { AirlockError } from '@airlock/common/errors';
import { cacheHeaders, CacheOrigin, CacheWritten, maxCacheBytes } from '@airlock/common/wire/cache';
import { ReportAnswer, type ReportKind } from '@airlock/common/wire/reports';
import {
  HeartbeatAnswer,
  Job,
  LogProgress,
  type JobReport,
} from '@airlock/common/wire/runner-protocol';
import { Problem } from '@airlock/common/wire/problem';
import { SecretsAnswer, type SecretsRequest } from '@airlock/common/wire/secret-handout';
import { handoutRequest } from '@airlock/envelope/handout';
import type { RunnerIdentity } from '../edge/connection.ts';
import type { LogPiece } from '../log-stream.ts';

export type ControlPlaneErrorCode =
  /** 409: the job was given to another runner, or is over. */
  | 'lease-lost'
  /** No answer, or one of a server in trouble; worth another try. */
  | 'control-plane-unreachable'
  /** Nonprod says no; the message has its words. */
  | 'control-plane-refused';

export class ControlPlaneError extends AirlockError<ControlPlaneErrorCode> {}

/** A lease on a job: the number fences off a runner whose lease was given to another. */
export type Held = { jobId: string; lease: number };

export type ControlPlane = {
  /** A job, or null when there is none within the time that the server holds the question. */
  lease(pool: string, signal: AbortSignal): Promise<Job | null>;
  heartbeat(held: Held, signal: AbortSignal): Promise<HeartbeatAnswer>;
  /** Repeated until it is taken: the server ignores bytes that it has. Resolves to up to where it has decided everything. */
  appendLog(held: Held, piece: LogPiece, signal: AbortSignal): Promise<number>;
  /** The tree at the job's commit, as tar. */
  source(held: Held, signal: AbortSignal): Promise<Readable>;
  /** The job's commit as git hashes it. */
  commitObject(held: Held, signal: AbortSignal): Promise<Buffer>;
  /** What nonprod hands out to one step, sealed to the key; asked again only while nonprod cannot be reached. */
  secrets(
    held: Held,
    request: { step: string; publicKey: Uint8Array },
    signal: AbortSignal,
  ): Promise<{ runner: string; answer: SecretsAnswer }>;
  uploadArtifact(
    held: Held,
    artifact: { name: string; path: string; digest: string; size: number },
    signal: AbortSignal,
  ): Promise<void>;
  /** Resolves to why the file cannot be read, or null when it can. */
  uploadReport(
    held: Held,
    report: { kind: ReportKind; name: string; path: string; digest: string; size: number },
    signal: AbortSignal,
  ): Promise<string | null>;
  /** The tar that is found by a key, written to a new file and checked; null: there is none. */
  cache(
    held: Held,
    wanted: { key: string; to: string },
    signal: AbortSignal,
  ): Promise<CacheOrigin | null>;
  keepCache(
    held: Held,
    entry: { key: string; path: string; digest: string; size: number },
    signal: AbortSignal,
  ): Promise<CacheWritten>;
  report(held: Held, report: Omit<JobReport, 'lease'>, signal: AbortSignal): Promise<void>;
};

const maxAnswerBytes = 8 * 1024 * 1024;
// Longer than the 5 s for which the server holds a question for work.
const idleMs = 30_000;

/**
 * All calls throw ControlPlaneError.
 *
 * @param options.request makes a call in the runner's name, and to nobody but nonprod; tests talk to a plain server.
 */
export function createControlPlane(options: {
  url: string;
  /** What `request` goes under. */
  identity: () => RunnerIdentity;
  request: (url: URL, options: RequestOptions) => ClientRequest;
}): ControlPlane {
  const { request } = options;

  type Call = {
    method: 'GET' | 'POST' | 'PUT';
    path: string;
    json?: unknown;
    bytes?: Buffer;
    body?: { stream: Readable; size: number };
    signal: AbortSignal;
  };

  async function open({ method, path, json, bytes, body, signal }: Call): Promise<IncomingMessage> {
    const text = json === undefined ? bytes : Buffer.from(JSON.stringify(json));
    const length = body?.size ?? text?.length ?? 0;
    const outgoing = request(new URL(path, options.url), {
      method,
      signal,
      timeout: idleMs,
      headers: {
        'content-length': length,
        ...(json === undefined ? {} : { 'content-type': 'application/json' }),
      },
    });
    outgoing.on('timeout', () =>
      outgoing.destroy(new Error(`no answer within ${idleMs / 1000} s`)),
    );
    const answered = new Promise<IncomingMessage>((resolve, reject) => {
      outgoing.once('response', resolve);
      outgoing.once('error', reject);
    });
    try {
      if (body === undefined) outgoing.end(text);
      else {
        // A server that refuses answers before it has read everything; its answer counts, not the broken pipe.
        void pipeline(body.stream, outgoing).catch(() => {});
      }
      return await answered;
    } catch (cause) {
      throw unreachable(options.url, cause);
    }
  }

  async function call(what: Call): Promise<unknown> {
    const answer = await open(what);
    const text = await readText(answer, options.url);
    const status = answer.statusCode ?? 0;
    if (status === 204) return null;
    if (status >= 200 && status < 300) return parseJson(text);
    throw refusal(status, text);
  }

  /** Tries again, at most a second apart, for as long as nonprod cannot be reached and the signal is not given. */
  async function insist(what: Omit<Call, 'body'>): Promise<unknown> {
    return await insisting(() => call(what), what.signal);
  }

  async function insisting<T>(attemptOnce: () => Promise<T>, signal: AbortSignal): Promise<T> {
    for (let attempt = 0; ; attempt += 1) {
      try {
        return await attemptOnce();
      } catch (error) {
        if (!isUnreachable(error) || signal.aborted) throw error;
        await sleep(Math.min(50 * 2 ** attempt, 1000));
      }
    }
  }

  const job = ({ jobId }: Held, rest: string): string =>
    `/v1/jobs/${encodeURIComponent(jobId)}/${rest}`;

  return {
    async lease(pool, signal) {
      const answer = await call({ method: 'POST', path: '/v1/lease', json: { pool }, signal });
      if (answer === null) return null;
      const parsed = Job.safeParse(answer);
      if (parsed.success) return parsed.data;
      const faults = parsed.error.issues.map(
        ({ path, message }) => `${path.join('.')}: ${message}`,
      );
      throw new ControlPlaneError(
        'control-plane-refused',
        `the job offered is malformed (${faults.join('; ')}); are nonprod and this runner of the same version?`,
      );
    },
    async heartbeat(held, signal) {
      const { lease } = held;
      const path = job(held, 'heartbeat');
      const answer = await call({ method: 'POST', path, json: { lease }, signal });
      const parsed = HeartbeatAnswer.safeParse(answer);
      if (parsed.success) return parsed.data;
      throw new ControlPlaneError(
        'control-plane-refused',
        'the answer to a heartbeat is malformed; are nonprod and this runner of the same version?',
      );
    },
    async appendLog(held, { step, offset, bytes, isEnd }, signal) {
      const query = new URLSearchParams({
        ...{ lease: String(held.lease), step, offset: String(offset) },
        ...(isEnd ? { end: '1' } : {}),
      });
      const path = job(held, `log?${query.toString()}`);
      const progress = LogProgress.safeParse(await insist({ method: 'POST', path, bytes, signal }));
      if (progress.success) return progress.data.next;
      throw new ControlPlaneError(
        'control-plane-refused',
        'the answer to a piece of log is malformed',
      );
    },
    async source(held, signal) {
      const answer = await open({
        method: 'GET',
        path: job(held, `source?lease=${held.lease}`),
        signal,
      });
      if (answer.statusCode === 200) return answer;
      throw refusal(answer.statusCode ?? 0, await readText(answer, options.url));
    },
    async commitObject(held, signal) {
      const path = job(held, `commit?lease=${held.lease}`);
      const answer = await open({ method: 'GET', path, signal });
      const bytes = await readBytes(answer, options.url);
      if (answer.statusCode === 200) return bytes;
      throw refusal(answer.statusCode ?? 0, bytes.toString('utf8'));
    },
    secrets: (held, { step, publicKey }, signal) =>
      insisting(async () => {
        // Signed anew each time: meanwhile calls may go under another certificate.
        const { runner, sign } = options.identity();
        const { jobId, lease } = held;
        const signature = sign(handoutRequest({ job: jobId, lease, step }, publicKey));
        const json: SecretsRequest = {
          ...{ lease, step },
          publicKey: Buffer.from(publicKey).toString('base64'),
          signature: signature.toString('base64'),
        };
        const answer = await call({ method: 'POST', path: job(held, 'secrets'), json, signal });
        const parsed = SecretsAnswer.safeParse(answer);
        if (parsed.success) return { runner, answer: parsed.data };
        throw new ControlPlaneError(
          'control-plane-refused',
          'what was handed out is malformed; are nonprod and this runner of the same version?',
        );
      }, signal),
    async uploadArtifact(held, { name, path, digest, size }, signal) {
      const query = new URLSearchParams({ lease: String(held.lease), name, sha256: digest });
      await call({
        method: 'PUT',
        path: job(held, `artifact?${query.toString()}`),
        body: { stream: createReadStream(path), size },
        signal,
      });
    },
    async uploadReport(held, { kind, name, path, digest, size }, signal) {
      const query = new URLSearchParams({
        ...{ lease: String(held.lease), kind, path: name, sha256: digest },
      });
      const answer = ReportAnswer.safeParse(
        await call({
          method: 'PUT',
          path: job(held, `reports?${query.toString()}`),
          body: { stream: createReadStream(path), size },
          signal,
        }),
      );
      if (answer.success) return answer.data.fault;
      throw new ControlPlaneError('control-plane-refused', 'the answer to a report is malformed');
    },
    async cache(held, { key, to }, signal) {
      const query = new URLSearchParams({ lease: String(held.lease), key });
      const path = job(held, `cache?${query.toString()}`);
      const answer = await open({ method: 'GET', path, signal });
      const status = answer.statusCode ?? 0;
      if (status !== 200) {
        const text = await readText(answer, options.url);
        if (status === 204) return null;
        throw refusal(status, text);
      }
      const { headers } = answer;
      const origin = CacheOrigin.safeParse({
        run: headers[cacheHeaders.run],
        level: headers[cacheHeaders.level],
        digest: headers[cacheHeaders.digest],
      });
      const found = await receive(answer, to, options.url);
      if (origin.success && origin.data.digest === found) return origin.data;
      throw new ControlPlaneError(
        'control-plane-refused',
        'what was sent as a cache is not what was announced',
      );
    },
    async keepCache(held, { key, path, digest, size }, signal) {
      const query = new URLSearchParams({ lease: String(held.lease), key, sha256: digest });
      const written = CacheWritten.safeParse(
        await call({
          method: 'PUT',
          path: job(held, `cache?${query.toString()}`),
          body: { stream: createReadStream(path), size },
          signal,
        }),
      );
      if (written.success) return written.data;
      throw new ControlPlaneError('control-plane-refused', 'the answer to a cache is malformed');
    },
    async report(held, report, signal) {
      const json = { lease: held.lease, ...report } satisfies JobReport;
      await insist({ method: 'POST', path: job(held, 'report'), json, signal });
    },
  };
}

export function isLeaseLost(error: unknown): boolean {
  return error instanceof ControlPlaneError && error.code === 'lease-lost';
}

export function isUnreachable(error: unknown): boolean {
  return error instanceof ControlPlaneError && error.code === 'control-plane-unreachable';
}

/** Into a new file, hashed on the way. @throws ControlPlaneError also for more than a cache may have. */
async function receive(answer: IncomingMessage, to: string, url: string): Promise<string> {
  const hash = createHash('sha256');
  let size = 0;
  try {
    await pipeline(
      answer,
      async function* (source: AsyncIterable<Buffer>) {
        for await (const chunk of source) {
          size += chunk.length;
          if (size > maxCacheBytes) throw new Error(`more than ${maxCacheBytes} bytes`);
          hash.update(chunk);
          yield chunk;
        }
      },
      createWriteStream(to, { flags: 'wx', mode: 0o600 }),
    );
  } catch (cause) {
    throw unreachable(url, cause);
  }
  return hash.digest('hex');
}

async function readText(answer: IncomingMessage, url: string): Promise<string> {
  return (await readBytes(answer, url)).toString('utf8');
}

async function readBytes(answer: IncomingMessage, url: string): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  // A message without an encoding yields buffers.
  const parts: AsyncIterable<Buffer> = answer;
  try {
    for await (const part of parts) {
      size += part.length;
      if (size > maxAnswerBytes)
        throw new Error(`the answer has more than ${maxAnswerBytes} bytes`);
      chunks.push(part);
    }
  } catch (cause) {
    throw unreachable(url, cause);
  }
  return Buffer.concat(chunks);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new ControlPlaneError('control-plane-refused', 'the answer is not JSON', { cause });
  }
}

function refusal(status: number, text: string): ControlPlaneError {
  const problem = Problem.safeParse(status >= 500 ? null : parseProblem(text));
  const words = problem.success ? `${problem.data.code}: ${problem.data.title}` : `HTTP ${status}`;
  if (status === 409) return new ControlPlaneError('lease-lost', words);
  return new ControlPlaneError(
    status >= 500 ? 'control-plane-unreachable' : 'control-plane-refused',
    `nonprod answers ${words}`,
  );
}

function parseProblem(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Not every refusal on the way is a problem document; the status says enough.
    return null;
  }
}

function unreachable(url: string, cause: unknown): ControlPlaneError {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new ControlPlaneError(
    'control-plane-unreachable',
    `${url} cannot be reached (${why}); check that nonprod's web process runs and controlPlane.url`,
    { cause },
  );
}
