/** The runner's side of nonprod's runner API; the wire format is in `@airlock/common/wire/runner-protocol`. */
import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import type { IncomingMessage, RequestOptions, ClientRequest } from 'node:http';
import type { Readable } from 'node:stream';
import { ReportAnswer, type ReportKind } from '@airlock/common/wire/reports';
import {
  HeartbeatAnswer,
  Job,
  LogProgress,
  type JobReport,
} from '@airlock/common/wire/runner-protocol';
import { SecretsAnswer, type SecretsRequest } from '@airlock/common/wire/secret-handout';
import { handoutRequest } from '@airlock/envelope/handout';
import type { RunnerIdentity } from '../edge/connection.ts';
import type { LogPiece } from '../log-stream.ts';
import {
  ControlPlaneError,
  isUnreachable,
  parseJson,
  readText,
  refusal,
  unreachable,
} from './answers.ts';
import { createCacheCalls, type CacheCalls } from './cache-calls.ts';
import { jobPath, type Call, type Held } from './call.ts';

export type ControlPlane = CacheCalls & {
  /** A job, or null when there is none within the time that the server holds the question. */
  lease(pool: string, signal: AbortSignal): Promise<Job | null>;
  heartbeat(held: Held, signal: AbortSignal): Promise<HeartbeatAnswer>;
  /** Repeated until it is taken: the server ignores bytes that it has. Resolves to up to where it has decided everything. */
  appendLog(held: Held, piece: LogPiece, signal: AbortSignal): Promise<number>;
  /** The tree at the job's commit, as tar. */
  source(held: Held, signal: AbortSignal): Promise<Readable>;
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
  report(held: Held, report: Omit<JobReport, 'lease'>, signal: AbortSignal): Promise<void>;
};

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

  async function open({ method, path, json, bytes, body, signal }: Call): Promise<IncomingMessage> {
    const parts = json === undefined ? (bytes ?? []) : [Buffer.from(JSON.stringify(json))];
    const length = body?.size ?? parts.reduce((sum, part) => sum + part.length, 0);
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
      if (body === undefined) {
        for (const part of parts) outgoing.write(part);
        outgoing.end();
      } else {
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
      const path = jobPath(held, 'heartbeat');
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
      const path = jobPath(held, `log?${query.toString()}`);
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
        path: jobPath(held, `source?lease=${held.lease}`),
        signal,
      });
      if (answer.statusCode === 200) return answer;
      throw refusal(answer.statusCode ?? 0, await readText(answer, options.url));
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
        const answer = await call({ method: 'POST', path: jobPath(held, 'secrets'), json, signal });
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
        path: jobPath(held, `artifact?${query.toString()}`),
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
          path: jobPath(held, `reports?${query.toString()}`),
          body: { stream: createReadStream(path), size },
          signal,
        }),
      );
      if (answer.success) return answer.data.fault;
      throw new ControlPlaneError('control-plane-refused', 'the answer to a report is malformed');
    },
    ...createCacheCalls({ open, call }, options.url),
    async report(held, report, signal) {
      const json = { lease: held.lease, ...report } satisfies JobReport;
      await insist({ method: 'POST', path: jobPath(held, 'report'), json, signal });
    },
  };
}
