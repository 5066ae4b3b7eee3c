/**
 * The ways out of a hook's sandbox: one unix socket for each egress of the approved target file, which leads to that one place.
 * The hook has no network of its own.
 */
import { proxiedCredential, type Egress } from '@airlock/common/policy/target-egress';
import { chmod, mkdir, open, type FileHandle } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import type { Credential } from '../../../app/vault-ports.ts';
import { HookError } from '../errors.ts';
import { httpsServer, type HttpsEgressOptions } from './https.ts';
import { authorityOf } from './https-request.ts';
import { createConnections, reasonOf, relay, type Connections } from './connections.ts';
import { postgresServer } from './postgres.ts';
import { createRefusals } from './refusals.ts';

export type OpenEgress = {
  /** Cuts every connection and stops listening. */
  close(): Promise<void>;
};

const maxConnections = 16;

/** The name under which Postgres clients look for a socket in a directory given as host. */
const postgresSocketName = '.s.PGSQL.5432';

/** Where the socket of an egress is, below the directory of all of them. */
export function socketPath({ as, kind }: Egress): { directory: string; name: string } {
  return kind === 'postgres'
    ? { directory: as, name: postgresSocketName }
    : { directory: '', name: `${as}.sock` };
}

/**
 * The file that tells a hook what it may reach and how.
 *
 * @param at directory of the sockets as the hook sees it.
 */
export function describeEgress(egresses: readonly Egress[], at: string): string {
  const entries = egresses.map((egress): [string, object] => {
    const { directory, name } = socketPath(egress);
    switch (egress.kind) {
      case 'postgres':
        return [
          egress.as,
          {
            ...{ kind: egress.kind, host: join(at, directory), database: egress.name },
            authenticated: proxiedCredential(egress) !== null,
          },
        ];
      case 'https':
        return [
          egress.as,
          { kind: egress.kind, socket: join(at, name), origin: `https://${authorityOf(egress)}` },
        ];
      case 'tcp':
        return [egress.as, { kind: egress.kind, socket: join(at, name) }];
    }
  });
  return JSON.stringify(Object.fromEntries(entries));
}

/**
 * Makes `directory` and listens in it.
 *
 * @param options.say takes a line for the delivery's log; it masks.
 * @param options.mask gives a text without any form of a secret.
 * @throws HookError `hook-egress` when a credential fits no request, or a socket cannot be made.
 */
export async function openEgress(options: {
  directory: string;
  egresses: readonly Egress[];
  credentials: readonly Credential[];
  say: (line: string) => void;
  mask: (text: string) => string;
}): Promise<OpenEgress> {
  const connections = createConnections();
  const refusals = createRefusals(options.say);
  const servers: Server[] = [];
  const handles: FileHandle[] = [];
  async function close(): Promise<void> {
    const closed = servers.map(
      (server) =>
        new Promise((resolve) => {
          server.close(resolve);
        }),
    );
    connections.destroyAll();
    await Promise.all(closed);
    for (const handle of handles) await handle.close();
    refusals.end();
  }
  try {
    await makeDirectory(options.directory);
    for (const egress of options.egresses) {
      const onRefused = (what: string): void => {
        refusals.refuse(egress.as, what);
      };
      const server = serverOf(egress, { ...options, connections, onRefused });
      const { directory, name } = socketPath(egress);
      const place = join(options.directory, directory);
      if (directory !== '') await makeDirectory(place);
      const handle = await open(place);
      handles.push(handle);
      server.maxConnections = maxConnections;
      server.on('drop', () => {
        onRefused(`more than ${maxConnections} connections at once`);
      });
      await listen(server, `/proc/self/fd/${handle.fd}/${name}`);
      servers.push(server);
    }
  } catch (cause) {
    await close();
    if (cause instanceof HookError) throw cause;
    throw new HookError('hook-egress', `the sockets of the sandbox: ${reasonOf(cause)}`, { cause });
  }
  return { close };
}

type ServerContext = {
  readonly credentials: readonly Credential[];
  readonly connections: Connections;
  readonly mask: (text: string) => string;
  readonly onRefused: (what: string) => void;
};

function serverOf(egress: Egress, context: ServerContext): Server {
  switch (egress.kind) {
    case 'tcp':
      return tcpServer(egress, context);
    case 'postgres': {
      const secret = secretFor(egress, context.credentials);
      if (secret !== null && secret.kind !== 'database') throw unfit(egress, secret.kind);
      return postgresServer({ ...context, place: egress, login: secret });
    }
    case 'https':
      return httpsServer({ ...context, ...httpsFacts(egress, context.credentials) });
  }
}

function httpsFacts(
  egress: Extract<Egress, { kind: 'https' }>,
  credentials: readonly Credential[],
): Pick<HttpsEgressOptions, 'rules' | 'peer' | 'headerValue'> {
  const { as, host, port, ca, methods, paths, header = 'Authorization', scheme } = egress;
  const secret = secretFor(egress, credentials);
  const rules = { host, port, methods, paths, header: null };
  const peer = { host, ca };
  if (secret === null) return { rules, peer, headerValue: null };
  switch (secret.kind) {
    case 'kv': {
      const value = secret.value.reveal();
      if (!/^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/.test(value)) {
        throw new HookError(
          'hook-egress',
          `egress ${as}: its credential holds a character that no header may have; store it at Vault without line breaks`,
        );
      }
      const headerValue = scheme === undefined ? value : `${scheme} ${value}`;
      return { rules: { ...rules, header }, peer, headerValue };
    }
    case 'pki': {
      const certificate = [secret.certificate, ...secret.chain].join('\n');
      const client = { certificate, privateKey: secret.privateKey.reveal() };
      return { rules, peer: { ...peer, client }, headerValue: null };
    }
    default:
      throw unfit(egress, secret.kind);
  }
}

function tcpServer(
  place: { readonly host: string; readonly port: number },
  { connections, onRefused }: ServerContext,
): Server {
  return createServer({ allowHalfOpen: true }, (inside) => {
    connections.hold(inside);
    connections.dial(place).then(
      (outside) => {
        relay(inside, outside);
      },
      (cause: unknown) => {
        if (!inside.destroyed) onRefused(reasonOf(cause));
        inside.destroy();
      },
    );
  });
}

function secretFor(
  egress: Egress,
  credentials: readonly Credential[],
): Credential['secret'] | null {
  const name = proxiedCredential(egress);
  if (name === null) return null;
  const credential = credentials.find(({ as }) => as === name);
  if (credential === undefined) {
    throw new HookError('hook-egress', `egress ${egress.as}: credential ${name} was not read`);
  }
  return credential.secret;
}

function unfit(egress: Egress, kind: string): HookError {
  return new HookError(
    'hook-egress',
    `egress ${egress.as}: a credential of kind ${kind} cannot authenticate ${egress.kind}`,
  );
}

async function makeDirectory(path: string): Promise<void> {
  await mkdir(path);
  // mkdir's mode is cut by the umask.
  await chmod(path, 0o755);
}

/** @param path through the descriptor of its directory, so that it always fits the 107 bytes of a socket's path. */
async function listen(server: Server, path: string): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ path, writableAll: true, readableAll: true }, () => {
      server.off('error', reject);
      resolve();
    });
  });
}
