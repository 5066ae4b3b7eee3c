/** Errors as RFC 9457 problem documents, or as a page for a browser. The only place that knows HTTP status codes. */
import { AirlockError } from '@airlock/common/errors';
import type { Problem } from '@airlock/common/wire/problem';
import type { Request, Response } from 'express';
import { ErrorPage } from './views/error-page.tsx';
import { sendPage } from './page.ts';

/** A refusal of the web edge itself. `needs` names groups that would have been let in. */
export class HttpError extends AirlockError<HttpErrorCode> {
  readonly needs: readonly string[];
  /** Every reason of a refusal that has several, by code. */
  readonly codes: readonly string[];

  constructor(
    code: HttpErrorCode,
    message: string,
    options?: ErrorOptions & {
      readonly needs?: readonly string[];
      readonly codes?: readonly string[];
    },
  ) {
    super(code, message, options);
    this.needs = options?.needs ?? [];
    this.codes = options?.codes ?? [];
  }
}

export type HttpErrorCode =
  | 'request-malformed'
  | 'sign-in-required'
  | 'group-missing'
  | 'elevation-required'
  | 'token-refused'
  | 'scope-missing'
  | 'csrf-refused'
  | 'signature-refused'
  | 'not-allowed'
  | 'refused'
  | 'not-found'
  | 'conflict'
  | 'changed-meanwhile'
  | 'host-unknown'
  | 'media-type-refused'
  | 'setting-refused'
  | 'too-large'
  | 'too-many-requests'
  | 'sign-in-refused'
  | 'dependency-unavailable';

const status: Readonly<Record<HttpErrorCode, readonly [number, string]>> = {
  'request-malformed': [400, 'The request is not as it should be'],
  'sign-in-required': [401, 'Sign in first'],
  'sign-in-refused': [403, 'The sign-in was refused'],
  'token-refused': [401, 'The token is refused'],
  'scope-missing': [403, 'The token is not for this'],
  'group-missing': [403, 'A group or role is missing'],
  'elevation-required': [403, 'Become administrator first'],
  'csrf-refused': [403, 'The request did not come from our own page'],
  'signature-refused': [403, 'The signature does not hold'],
  'not-allowed': [403, 'This is for somebody else to do'],
  'not-found': [404, 'There is nothing here'],
  refused: [409, 'This is refused'],
  conflict: [409, 'This is not open any more'],
  'changed-meanwhile': [412, 'It changed while you were reading'],
  'too-large': [413, 'The request is too large'],
  'media-type-refused': [415, 'This media type is not taken here'],
  'setting-refused': [422, 'A setting cannot be kept'],
  'host-unknown': [421, 'This host name is not served here'],
  'too-many-requests': [429, 'Too many requests'],
  'dependency-unavailable': [503, 'Something that this needs did not answer'],
};

/** What everybody is told who is not signed in, wherever they knock. */
export const signInRequired = (): HttpError =>
  new HttpError('sign-in-required', 'This site is for people who are signed in.');

const callersFaults: Readonly<Record<number, readonly [HttpErrorCode, string]>> = {
  404: ['not-found', 'No file has this address.'],
  413: ['too-large', 'The body of the request is larger than is taken here.'],
  415: ['media-type-refused', 'The encoding of the request’s body is not taken here.'],
};

/** What a browser or a client is told of any error; the detail of an unexpected one stays in the log. */
export function problemFrom(error: unknown, requestId: string): Problem {
  if (error instanceof HttpError) {
    const [code, title] = status[error.code];
    return {
      type: `/problems/${error.code}`,
      title,
      status: code,
      code: error.code,
      detail: error.message,
      requestId,
      ...(error.needs.length === 0 ? {} : { needs: error.needs.map((group) => ({ group })) }),
      ...(error.codes.length === 0 ? {} : { codes: [...error.codes] }),
    };
  }
  // Express and its body parsers mark the caller's faults this way.
  if (
    error instanceof Error &&
    'status' in error &&
    typeof error.status === 'number' &&
    error.status < 500
  ) {
    const [code, detail] = callersFaults[error.status] ?? [
      'request-malformed',
      'The request cannot be read.',
    ];
    return problemFrom(new HttpError(code, detail), requestId);
  }
  return {
    type: '/problems/internal',
    title: 'Something went wrong here',
    status: 500,
    code: 'internal',
    detail: 'It was logged under the request id below; nothing more is told here.',
    requestId,
  };
}

/**
 * False only for what asks for a page; a fetch for JSON and an EventSource do not. Of somebody who is not signed in the address
 * says nothing, or the form of the answer would tell which addresses there are.
 */
export const wantsJson = (request: Request, { code }: Problem): boolean =>
  code === 'sign-in-required'
    ? request.get('accept')?.includes('text/html') !== true
    : request.path.startsWith('/api/') || request.accepts(['html', 'json']) !== 'html';

/** Answers with a problem: JSON for clients, a page for people. */
export function sendProblem(
  request: Request,
  response: Response,
  problem: Problem,
  frame: Parameters<typeof ErrorPage>[0]['frame'],
): void {
  response.status(problem.status);
  if (wantsJson(request, problem)) {
    response.type('application/problem+json').send(JSON.stringify(problem));
    return;
  }
  sendPage(response, ErrorPage({ problem, frame }), problem.status);
}
