/** The rebuilder's side of `@airlock/common/wire/rebuild-protocol`. */
import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { request as httpsRequest } from 'node:https';
import type { Agent, IncomingMessage } from 'node:http';
import { pipeline } from 'node:stream/promises';
import { AirlockError } from '@airlock/common/errors';
import { Problem } from '@airlock/common/wire/problem';
import {
  WantedRebuilds,
  type RebuildReport,
  type WantedRebuild,
} from '@airlock/common/wire/rebuild-protocol';

export type GateErrorCode =
  /** No answer, or one of a gate in trouble; worth another try. */
  | 'gate-unreachable'
  /** The gate says no; the message has its words. */
  | 'gate-refused'
  /** What came is not what was asked for. */
  | 'gate-artifact-differs';
export class GateError extends AirlockError<GateErrorCode> {}

export type Gate = {
  /** Oldest first. */
  wanted(signal: AbortSignal): Promise<readonly WantedRebuild[]>;
  /** Writes the main builder's artifact to a file that is not there yet, after it was hashed. */
  fetchArtifact(
    rebuild: WantedRebuild,
    to: { file: string; maxBytes: number },
    signal: AbortSignal,
  ): Promise<void>;
  report(promotion: string, report: RebuildReport, signal: AbortSignal): Promise<void>;
};

/** A page of 16 is some 8 KiB. */
const maxAnswerBytes = 256 * 1024;
const idleMs = 30_000;

/**
 * All calls throw GateError.
 *
 * @param options.agent carries the rebuilder's certificate and checks the gate's.
 */
export function createGate(options: { url: string; agent: Agent }): Gate {
  const { url, agent } = options;

  async function open(
    method: 'GET' | 'POST',
    path: string,
    body: Buffer | null,
    signal: AbortSignal,
  ): Promise<IncomingMessage> {
    const outgoing = httpsRequest(new URL(path, url), {
      ...{ method, agent, signal, timeout: idleMs },
      headers:
        body === null ? {} : { 'content-type': 'application/json', 'content-length': body.length },
    });
    outgoing.on('timeout', () =>
      outgoing.destroy(new Error(`no answer within ${idleMs / 1000} s`)),
    );
    const answered = new Promise<IncomingMessage>((resolve, reject) => {
      outgoing.once('response', resolve);
      outgoing.once('error', reject);
    });
    outgoing.end(body ?? undefined);
    let answer: IncomingMessage;
    try {
      answer = await answered;
    } catch (cause) {
      throw unreachable(url, cause);
    }
    const status = answer.statusCode ?? 0;
    if (status >= 200 && status < 300) return answer;
    throw refusal(status, await textOf(answer, url));
  }

  return {
    async wanted(signal) {
      const answer = await open('GET', '/v1/rebuilds', null, signal);
      const parsed = WantedRebuilds.safeParse(parseJson(await textOf(answer, url)));
      if (parsed.success) return parsed.data.rebuilds;
      const [issue] = parsed.error.issues;
      throw new GateError(
        'gate-refused',
        `the list of rebuilds is malformed (${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''}); are gate and rebuilder of the same version?`,
      );
    },

    async fetchArtifact({ promotion, artifact }, { file, maxBytes }, signal) {
      if (artifact.size > maxBytes) {
        throw new GateError(
          'gate-artifact-differs',
          `the artifact has ${artifact.size} bytes; raise maxArtifactBytes (${maxBytes})`,
        );
      }
      const answer = await open('GET', `/v1/rebuilds/${promotion}/artifact`, null, signal);
      const hash = createHash('sha256');
      let size = 0;
      try {
        await pipeline(
          answer,
          async function* (chunks: AsyncIterable<Buffer>) {
            for await (const chunk of chunks) {
              size += chunk.length;
              if (size > artifact.size) throw differs(artifact.digest);
              hash.update(chunk);
              yield chunk;
            }
          },
          createWriteStream(file, { flags: 'wx', mode: 0o600 }),
          { signal },
        );
      } catch (cause) {
        throw cause instanceof GateError ? cause : unreachable(url, cause);
      }
      if (hash.digest('hex') !== artifact.digest) throw differs(artifact.digest);
    },

    async report(promotion, report, signal) {
      const body = Buffer.from(JSON.stringify(report satisfies RebuildReport));
      const answer = await open('POST', `/v1/rebuilds/${promotion}`, body, signal);
      await textOf(answer, url);
    },
  };
}

function differs(digest: string): GateError {
  return new GateError(
    'gate-artifact-differs',
    `what the gate sent as ${digest} is not that; somebody of platform looks at its artifact store`,
  );
}

function unreachable(url: string, cause: unknown): GateError {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new GateError('gate-unreachable', `${url}: ${why}`, { cause });
}

async function textOf(answer: IncomingMessage, url: string): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of answer as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > maxAnswerBytes) throw new Error(`an answer of more than ${maxAnswerBytes} bytes`);
      chunks.push(chunk);
    }
  } catch (cause) {
    throw unreachable(url, cause);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function refusal(status: number, text: string): GateError {
  const problem = Problem.safeParse(parseJson(text));
  const said = problem.success ? problem.data.title : `HTTP ${status}`;
  return new GateError(status >= 500 ? 'gate-unreachable' : 'gate-refused', said);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Whoever asked compares it with a schema, which says what was expected.
    return null;
  }
}
