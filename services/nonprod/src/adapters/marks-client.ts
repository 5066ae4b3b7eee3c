/** The outbox's side of the web process's socket. */
import { request } from 'node:http';
import {
  SecretMarks,
  secretMarksPath,
  type SecretMarksRequest,
} from '@airlock/common/wire/secret-marks';
import { MachineError } from '@airlock/process/machine-server';

const timeoutMs = 10_000;
const maxAnswerBytes = 256 * 1024;

/** @throws MachineError `dependency-unavailable` when the web process does not answer. */
export function createMarksClient(
  socketPath: string,
): (request: SecretMarksRequest) => Promise<SecretMarks> {
  return async (asked) => {
    const { status, text } = await post(socketPath, JSON.stringify(asked)).catch(
      (cause: unknown) => {
        const why = cause instanceof Error ? cause.message : String(cause);
        throw unavailable(`at ${socketPath} did not answer (${why}); check that nonprod-web runs`);
      },
    );
    const marks = SecretMarks.safeParse(status === 200 ? jsonOf(text) : null);
    if (marks.success) return marks.data;
    throw unavailable(`answered ${status} and no marks; its log says why`);
  };
}

function post(socketPath: string, body: string): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const call = request(
      {
        socketPath,
        path: secretMarksPath,
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
        response.on('error', reject);
        response.on('end', () => {
          const text = Buffer.concat(chunks).toString('utf8');
          resolve({ status: response.statusCode ?? 0, text });
        });
      },
    );
    call.on('error', reject);
    call.end(body);
  });
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Judged by the schema, which accepts no null.
    return null;
  }
}

function unavailable(what: string): MachineError {
  return new MachineError('dependency-unavailable', `the keeper of secrets ${what}`);
}
