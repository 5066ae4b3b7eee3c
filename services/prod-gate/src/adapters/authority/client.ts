/** The deliverer's side of the authority's socket. */
import { AirlockError } from '@airlock/common/errors';
import { MintedLogin } from '@airlock/common/wire/authority-protocol';
import { Problem } from '@airlock/common/wire/problem';
import { request as httpRequest } from 'node:http';
import type { AuthorityPort } from '../../app/delivery-ports.ts';

export type AuthorityErrorCode = 'authority-refused' | 'authority-unavailable';

export class AuthorityError extends AirlockError<AuthorityErrorCode> {
  /** Every reason of a refusal, as codes; empty otherwise. */
  readonly codes: readonly string[];

  constructor(
    code: AuthorityErrorCode,
    message: string,
    options?: ErrorOptions & { codes?: readonly string[] },
  ) {
    super(code, message, options);
    this.codes = options?.codes ?? [];
  }
}

const timeoutMs = 10_000;
const maxAnswerBytes = 16_384;

export function createAuthorityClient(socketPath: string): AuthorityPort {
  return {
    async mint({ deliveryId, sessionId, signal }) {
      const body = JSON.stringify({ deliveryId, sessionId });
      const until = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
      const answer = await post(socketPath, '/v1/mint', body, until).catch((cause: unknown) => {
        const why = cause instanceof Error ? cause.message : 'failed';
        throw new AuthorityError(
          'authority-unavailable',
          `the authority at ${socketPath} did not answer (${why}); is gate-authority running?`,
          { cause },
        );
      });
      const value = parseJson(answer.text);
      if (answer.status === 200) {
        const login = MintedLogin.safeParse(value);
        if (login.success) return login.data;
      } else {
        const problem = Problem.safeParse(value);
        if (problem.success && answer.status === 409) {
          throw new AuthorityError('authority-refused', problem.data.detail ?? problem.data.title, {
            codes: problem.data.codes ?? [],
          });
        }
      }
      throw new AuthorityError(
        'authority-unavailable',
        `the authority answered ${answer.status} and not what its protocol says; its log says why`,
      );
    },
  };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Judged by the schema, which accepts no null.
    return null;
  }
}

function post(
  socketPath: string,
  path: string,
  body: string,
  signal: AbortSignal,
): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const request = httpRequest(
      {
        socketPath,
        path,
        method: 'POST',
        signal,
        agent: false,
        headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) },
      },
      (response) => {
        const chunks: Buffer[] = [];
        let size = 0;
        response.on('data', (chunk: Buffer) => {
          size += chunk.length;
          if (size > maxAnswerBytes) request.destroy(new Error('answer too large'));
          else chunks.push(chunk);
        });
        response.on('error', reject);
        response.on('end', () => {
          resolve({
            status: response.statusCode ?? 0,
            text: Buffer.concat(chunks).toString('utf8'),
          });
        });
      },
    );
    request.on('error', reject);
    request.end(body);
  });
}
