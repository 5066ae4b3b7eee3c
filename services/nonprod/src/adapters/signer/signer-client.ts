/** The signer, over its unix socket. Whoever may open the socket may ask; what it signs it decides itself. */
import { request } from 'node:http';
import { Problem } from '@airlock/common/wire/problem';
import { SignedEnvelope } from '@airlock/common/wire/signer-protocol';
import type { Signer } from '../../app/ports.ts';
import { SignerError } from '../../app/signer-error.ts';

const timeoutMs = 30_000;
const maxAnswerBytes = 512 * 1024;

export function createSignerClient(socketPath: string): Signer {
  const sign = async (path: string, body: unknown): Promise<string> => {
    const answer = await post(socketPath, path, JSON.stringify(body));
    if (answer.status === 200) {
      const signed = SignedEnvelope.safeParse(parseJson(answer.text));
      if (signed.success) return signed.data.envelope;
      throw unreachable(socketPath, 'it answered something else than an envelope');
    }
    const problem = Problem.safeParse(parseJson(answer.text));
    // Only a decision is final; everything else may be different in a minute.
    if (answer.status !== 409 || !problem.success) {
      throw unreachable(socketPath, `it answered ${answer.status}`);
    }
    const codes = problem.data.codes ?? [problem.data.code];
    throw new SignerError(
      'signer-refused',
      `The signer refused (${codes.join(', ')}): ${problem.data.detail ?? problem.data.title}`,
    );
  };
  return {
    provenance: (body) => sign('/v1/provenance', body),
    testResult: (body) => sign('/v1/test-result', body),
    promotionRequest: (body) => sign('/v1/promotion-request', body),
  };
}

function post(
  socketPath: string,
  path: string,
  body: string,
): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const call = request(
      {
        socketPath,
        path,
        method: 'POST',
        headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) },
        signal: AbortSignal.timeout(timeoutMs),
      },
      (response) => {
        const chunks: Buffer[] = [];
        let size = 0;
        response.on('data', (chunk: Buffer) => {
          size += chunk.length;
          if (size > maxAnswerBytes) call.destroy(new Error('its answer is too long'));
          else chunks.push(chunk);
        });
        response.on('end', () => {
          const text = Buffer.concat(chunks).toString('utf8');
          resolve({ status: response.statusCode ?? 0, text });
        });
        response.on('error', reject);
      },
    );
    call.on('error', (cause) => {
      reject(unreachable(socketPath, cause.message, cause));
    });
    call.end(body);
  });
}

function unreachable(socketPath: string, what: string, cause?: Error): SignerError {
  return new SignerError(
    'signer-unreachable',
    `no signature from the signer at ${socketPath}: ${what}; check that the signer runs and that this user may open the socket`,
    { cause },
  );
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
