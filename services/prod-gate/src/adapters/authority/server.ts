/**
 * The authority's one door: HTTP over a unix socket. Who may open the file may ask; what is minted is decided by the
 * authority's own check of every signature, never by who asks.
 */
import { AirlockError } from '@airlock/common/errors';
import { MintRequest, type MintedLogin } from '@airlock/common/wire/authority-protocol';
import type { Problem } from '@airlock/common/wire/problem';
import { ConfigurationError } from '@airlock/process/config';
import type { Log } from '@airlock/process/log';
import { chmod, lstat, unlink } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { connect } from 'node:net';
import { MintError } from '../../app/mint-login.ts';

const maxBodyBytes = 4_096;

export type AuthorityServer = { close(): Promise<void> };

/**
 * Listens at `socketPath` with mode 0600, or 0660 where the deliverer's user shares the file's group.
 *
 * @throws ConfigurationError when another authority listens there, or the path is something else than a socket.
 */
export async function startAuthorityServer(options: {
  socketPath: string;
  socketMode: 0o600 | 0o660;
  log: Log;
  mint(request: MintRequest): Promise<MintedLogin>;
}): Promise<AuthorityServer> {
  const { socketPath } = options;
  const server = createServer((request, response) => {
    void answer(request, response);
  });
  server.requestTimeout = 10_000;
  server.headersTimeout = 5_000;
  server.maxConnections = 16;

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      if (request.method !== 'POST' || request.url !== '/v1/mint') {
        sendProblem(response, 404, 'not-found', 'POST /v1/mint is all there is');
        return;
      }
      const parsed = MintRequest.safeParse(await readJson(request));
      if (!parsed.success) {
        sendProblem(response, 400, 'request-malformed', 'a delivery id and a session id expected');
        return;
      }
      send(response, 200, 'application/json', await options.mint(parsed.data));
    } catch (error) {
      if (error instanceof MintError) {
        sendProblem(response, 409, error.code, error.message, error.codes);
        return;
      }
      if (error instanceof BodyError) {
        sendProblem(response, 400, error.code, error.message);
        return;
      }
      const known = error instanceof Error ? error : new Error(String(error));
      options.log.error('authority.mint-failed', { error: known });
      // Says nothing of the inside; the log has it.
      sendProblem(
        response,
        500,
        'authority-fault',
        'the authority could not decide; its log says why',
      );
    }
  }

  await removeStaleSocket(socketPath);
  // Between listen and chmod the file would be open to more than it should be.
  const before = process.umask(0o177);
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(socketPath, resolve);
    });
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : 'failed';
    throw new ConfigurationError(
      'configuration-refused',
      `socketPath: cannot listen at ${socketPath} (${why})`,
      {
        cause,
      },
    );
  } finally {
    process.umask(before);
  }
  await chmod(socketPath, options.socketMode);
  return {
    close: () =>
      new Promise((resolve, reject) => {
        server.closeIdleConnections();
        server.close((error) => {
          if (error === undefined) resolve();
          else reject(error);
        });
      }),
  };
}

class BodyError extends AirlockError<'request-malformed'> {}

async function readJson(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request) {
    // An IncomingMessage without an encoding yields buffers.
    const bytes = chunk as Buffer;
    size += bytes.length;
    if (size > maxBodyBytes)
      throw new BodyError('request-malformed', `more than ${maxBodyBytes} bytes`);
    chunks.push(bytes);
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString('utf8'));
  } catch (cause) {
    throw new BodyError('request-malformed', 'the body is not JSON', { cause });
  }
}

function send(response: ServerResponse, status: number, type: string, body: unknown): void {
  response.writeHead(status, { 'content-type': type, 'cache-control': 'no-store' });
  response.end(JSON.stringify(body));
}

function sendProblem(
  response: ServerResponse,
  status: number,
  code: string,
  detail: string,
  codes?: readonly string[],
): void {
  const problem: Problem = {
    type: 'about:blank',
    title: code,
    status,
    code,
    detail,
    ...(codes === undefined ? {} : { codes: [...codes] }),
  };
  send(response, status, 'application/problem+json', problem);
}

/** A socket file outlives a killed process; one that somebody answers on belongs to a living one. */
async function removeStaleSocket(path: string): Promise<void> {
  const facts = await lstat(path).catch(() => null);
  if (facts === null) return;
  if (!facts.isSocket()) {
    throw new ConfigurationError(
      'configuration-refused',
      `socketPath: ${path} exists and is not a socket; remove it`,
    );
  }
  const answers = await new Promise<boolean>((resolve) => {
    const probe = connect(path);
    probe.once('connect', () => {
      probe.destroy();
      resolve(true);
    });
    probe.once('error', () => {
      resolve(false);
    });
  });
  if (answers) {
    throw new ConfigurationError(
      'configuration-refused',
      `socketPath: another process listens at ${path}; stop it first`,
    );
  }
  await unlink(path);
}
