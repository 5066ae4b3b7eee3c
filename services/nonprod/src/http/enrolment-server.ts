/**
 * Where a runner without a certificate shows its token. A listener of its own, so that the one for runners never answers
 * anybody who has no certificate. Nothing here reaches a job.
 */
import { createHash, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Problem } from '@airlock/common/wire/problem';
import { EnrolmentRequest, type Enrolment } from '@airlock/common/wire/runner-enrolment';
import { closeToOthers } from '@airlock/process/closed-to-others';
import { ConfigurationError } from '@airlock/process/config';
import type { Log } from '@airlock/process/log';
import { MachineError, readJson, type MachineServer } from '@airlock/process/machine-server';
import type { EnrolRunners } from '../app/enrol-runners.ts';
import { RunnerEdgeError } from '../app/runner-ports.ts';

const maxBodyBytes = 8 * 1024;
/** Anybody may connect: a flood must not take the process's descriptors from the runners. */
const maxConnections = 64;

export interface EnrolmentServer extends MachineServer {
  /** SHA-256 of the server's public key, base64url: how a runner knows it before it has the CA. */
  readonly serverKey: string;
}

/** @throws ConfigurationError when a certificate file cannot be read or the port is taken. */
export async function startEnrolmentServer(options: {
  readonly listen: { readonly host: string; readonly port: number };
  readonly certificateFile: string;
  readonly keyFile: string;
  /** As runnerApi has it: the same machines come here first. */
  readonly allowFrom?: readonly string[] | null;
  readonly enrol: Pick<EnrolRunners, 'enrol' | 'enrolment'>;
  readonly log: Log;
}): Promise<EnrolmentServer> {
  const { listen, enrol, log } = options;
  const cert = read(options.certificateFile);
  const server = createServer(
    {
      ...{ cert, key: read(options.keyFile), minVersion: 'TLSv1.3' },
      headersTimeout: 5_000,
      requestTimeout: 10_000,
      keepAliveTimeout: 5_000,
    },
    (request, response) => {
      answer(request).then(
        ({ status, json }) => {
          send(response, status, json);
        },
        (cause: unknown) => {
          fail(response, cause, log);
        },
      );
    },
  );
  server.maxConnections = maxConnections;
  closeToOthers(server, options.allowFrom ?? null, { setting: 'runnerApi.allowFrom', log });

  async function answer(request: IncomingMessage): Promise<{ status: number; json: Enrolment }> {
    if (request.method === 'POST' && request.url === '/v1/enrolments') {
      const { token, csr } = await readJson(request, EnrolmentRequest, maxBodyBytes);
      const address = request.socket.remoteAddress ?? 'an unknown address';
      return { status: 201, json: await enrol.enrol({ token, csr, address }) };
    }
    const id = /^\/v1\/enrolments\/(enr_[0-9a-z]{10})$/.exec(request.url ?? '')?.[1];
    if (request.method === 'GET' && id !== undefined) {
      return { status: 200, json: await enrol.enrolment(id) };
    }
    throw new MachineError('not-found', 'POST /v1/enrolments and GET /v1/enrolments/:id are all');
  }

  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause) => {
      reject(
        new ConfigurationError(
          'configuration-refused',
          `runnerEdge.enrolment: cannot listen on ${listen.host}:${listen.port} (${cause.message}); free the port or change runnerEdge.enrolment.port`,
          { cause },
        ),
      );
    });
    server.listen(listen.port, listen.host, resolve);
  });
  // A TCP server's address is an object; the string form is for pipes.
  const { port } = server.address() as AddressInfo;
  const spki = new X509Certificate(cert).publicKey.export({ type: 'spki', format: 'der' });
  return {
    url: `https://${listen.host}:${port}`,
    serverKey: createHash('sha256').update(spki).digest('base64url'),
    close: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve();
        });
        server.closeAllConnections();
      }),
  };
}

function fail(response: ServerResponse, cause: unknown, log: Log): void {
  const [status, code, title] = refusalOf(cause);
  if (status >= 500) {
    const error = cause instanceof Error ? cause : new Error(String(cause));
    log.error('runner_enrolment.failed', { error });
  }
  response.setHeader('connection', 'close');
  const problem: Problem = { type: `urn:airlock:problem:${code}`, title, status, code };
  send(response, status, problem);
}

function refusalOf(cause: unknown): readonly [number, string, string] {
  if (cause instanceof RunnerEdgeError) {
    const { code, message } = cause;
    if (code === 'token-refused') return [401, code, message];
    if (code === 'no-such-enrolment') return [404, 'not-found', message];
    if (code === 'request-refused') return [400, code, message];
  }
  if (cause instanceof MachineError) {
    return [cause.code === 'not-found' ? 404 : 400, cause.code, cause.message];
  }
  return [503, 'dependency-unavailable', 'Enrolment failed here; see the log of nonprod-web.'];
}

function send(response: ServerResponse, status: number, body: Enrolment | Problem): void {
  if (response.destroyed) return;
  const type = status < 400 ? 'application/json' : 'application/problem+json';
  response.writeHead(status, { 'content-type': type, 'cache-control': 'no-store' });
  response.end(JSON.stringify(body));
}

function read(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (cause) {
    throw new ConfigurationError(
      'configuration-unreadable',
      `runnerApi: ${file} cannot be read; check the path and that this process's user may read it`,
      { cause },
    );
  }
}
