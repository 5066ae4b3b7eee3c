import type { Request } from 'express';
import { z } from 'zod';
import { parseId } from '@airlock/common/ids';
import { Name } from '@airlock/common/wire/scalars';
import { HttpError, type HttpErrorCode } from '@airlock/web/problem';
import { Network } from '@airlock/process/networks';
import { RunnerEdgeError, type RunnerEdgeErrorCode } from '../../app/runner-ports.ts';

/** From where a runner may speak. */
export const RunnerNetworks = z.array(Network).max(16);

const hourMs = 3_600_000;

/** What is no name of a runner names nothing. */
export function runnerId(request: Request): string {
  const name = Name.safeParse(request.params['id']);
  if (name.success) return name.data;
  throw new HttpError('not-found', 'There is no runner of that name.');
}

export function enrolmentId(request: Request): string {
  const text = request.params['id'];
  try {
    return parseId('enr', typeof text === 'string' ? text : '');
  } catch (cause) {
    throw new HttpError('not-found', 'No machine waits under that id.', { cause });
  }
}

export function quarantineWish(
  body: { readonly reason: string; readonly sinceHours: number | null },
  now: Date,
): { reason: string; since: Date | null } {
  const { reason, sinceHours } = body;
  const since = sinceHours === null ? null : new Date(now.getTime() - sinceHours * hourMs);
  return { reason, since };
}

const codes: Readonly<Record<RunnerEdgeErrorCode, HttpErrorCode>> = {
  'token-refused': 'refused',
  'request-refused': 'refused',
  'name-refused': 'refused',
  'authority-ending': 'dependency-unavailable',
  'no-such-pool': 'refused',
  'no-such-runner': 'not-found',
  'no-such-enrolment': 'not-found',
  'already-decided': 'conflict',
  'runner-state': 'conflict',
};

export async function answering<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (!(cause instanceof RunnerEdgeError)) throw cause;
    const sentence = `${cause.message.charAt(0).toUpperCase()}${cause.message.slice(1)}.`;
    throw new HttpError(codes[cause.code], sentence, { cause });
  }
}
