/**
 * Where the outbox process asks the web process for marks: HTTP over a unix socket whose permissions are the access control.
 * The outbox talks to the gate and can read no secret; this process reads them and talks to no gate.
 */
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { Problem } from '@airlock/common/wire/problem';
import {
  SecretMarksRequest,
  secretMarksPath,
  type SecretMarks,
} from '@airlock/common/wire/secret-marks';
import type { Log } from '@airlock/process/log';
import { MachineError, readJson } from '@airlock/process/machine-server';

const maxBodyBytes = 1024;

export function createMarksServer(ports: {
  marks(key: Uint8Array): Promise<SecretMarks>;
  readonly log: Log;
}): Server {
  return createServer({ requestTimeout: 10_000, headersTimeout: 5_000 }, (request, response) => {
    const answer = async (): Promise<SecretMarks> => {
      if (request.method !== 'POST' || request.url !== secretMarksPath) {
        throw new MachineError('not-found', `POST ${secretMarksPath} is all there is`);
      }
      const { key } = await readJson(request, SecretMarksRequest, maxBodyBytes);
      return ports.marks(Buffer.from(key, 'hex'));
    };
    answer().then(
      (marks) => {
        send(response, 200, marks);
      },
      (cause: unknown) => {
        const error = cause instanceof Error ? cause : new Error(String(cause));
        if (!(cause instanceof MachineError)) ports.log.error('secret_marks.failed', { error });
        const isAsked = cause instanceof MachineError && cause.code === 'request-malformed';
        const status = isAsked ? 400 : cause instanceof MachineError ? 404 : 503;
        const code = cause instanceof MachineError ? cause.code : 'dependency-unavailable';
        response.setHeader('connection', 'close');
        send(response, status, {
          type: 'about:blank',
          title: code,
          status,
          code,
        } satisfies Problem);
      },
    );
  });
}

function send(response: ServerResponse, status: number, body: unknown): void {
  const type = status < 400 ? 'application/json' : 'application/problem+json';
  response.writeHead(status, { 'content-type': type, 'cache-control': 'no-store' });
  response.end(JSON.stringify(body));
}
