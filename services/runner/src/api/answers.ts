/** What nonprod answers a runner: read within bounds, and turned into an error where it is none to go on with. */
import type { IncomingMessage } from 'node:http';
import { AirlockError } from '@airlock/common/errors';
import { Problem } from '@airlock/common/wire/problem';

export type ControlPlaneErrorCode =
  /** 409: the job was given to another runner, or is over. */
  | 'lease-lost'
  /** No answer, or one of a server in trouble; worth another try. */
  | 'control-plane-unreachable'
  /** Nonprod says no; the message has its words. */
  | 'control-plane-refused';

export class ControlPlaneError extends AirlockError<ControlPlaneErrorCode> {}

const maxAnswerBytes = 8 * 1024 * 1024;

export function isLeaseLost(error: unknown): boolean {
  return error instanceof ControlPlaneError && error.code === 'lease-lost';
}

export function isUnreachable(error: unknown): boolean {
  return error instanceof ControlPlaneError && error.code === 'control-plane-unreachable';
}

export async function readText(answer: IncomingMessage, url: string): Promise<string> {
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
  return Buffer.concat(chunks).toString('utf8');
}

export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new ControlPlaneError('control-plane-refused', 'the answer is not JSON', { cause });
  }
}

export function refusal(status: number, text: string): ControlPlaneError {
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

export function unreachable(url: string, cause: unknown): ControlPlaneError {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new ControlPlaneError(
    'control-plane-unreachable',
    `${url} cannot be reached (${why}); check that nonprod's web process runs and controlPlane.url`,
    { cause },
  );
}
