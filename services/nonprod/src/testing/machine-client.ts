/** For tests of the machine listeners: certificates in files, and requests under a client's name. */
import { mkdir, writeFile } from 'node:fs/promises';
import { request } from 'node:https';
import { join } from 'node:path';
import { mutualTlsAgent } from '@airlock/process/mtls';

export interface Pem {
  readonly certificatePem: string;
  readonly keyPem: string;
}

export interface TlsFiles {
  readonly caFile: string;
  readonly certificateFile: string;
  readonly keyFile: string;
}

export async function writeTlsFiles(
  directory: string,
  name: string,
  ca: Pem,
  certificate: Pem,
): Promise<TlsFiles> {
  await mkdir(directory, { recursive: true });
  const files = {
    caFile: join(directory, `${name}-ca.pem`),
    certificateFile: join(directory, `${name}.pem`),
    keyFile: join(directory, `${name}.key`),
  };
  await writeFile(files.caFile, ca.certificatePem);
  await writeFile(files.certificateFile, certificate.certificatePem);
  await writeFile(files.keyFile, certificate.keyPem, { mode: 0o600 });
  return files;
}

export interface MachineResponse {
  readonly status: number;
  readonly body: Buffer;
  readonly json: unknown;
}

export interface MachineClient {
  call(method: 'GET' | 'POST' | 'PUT', path: string, body?: unknown): Promise<MachineResponse>;
  close(): void;
}

/** A body that is a Buffer is sent as it is, everything else as JSON. */
export function machineClient(
  url: string,
  files: TlsFiles,
  serverIdentity: string,
  more: {
    readonly headers?: Readonly<Record<string, string>>;
    /** The address to call from. */
    readonly localAddress?: string;
  } = {},
): MachineClient {
  const agent = mutualTlsAgent({ ...files, serverIdentity });
  return {
    call: (method, path, body) =>
      new Promise((resolve, reject) => {
        const outgoing = request(new URL(path, url), { method, agent, ...more }, (incoming) => {
          const chunks: Buffer[] = [];
          incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
          incoming.on('error', reject);
          incoming.on('end', () => {
            const bytes = Buffer.concat(chunks);
            const isJson = incoming.headers['content-type']?.includes('json') === true;
            resolve({
              status: incoming.statusCode ?? 0,
              body: bytes,
              json: isJson ? JSON.parse(bytes.toString('utf8')) : null,
            });
          });
        });
        outgoing.on('error', reject);
        outgoing.end(
          body === undefined ? undefined : Buffer.isBuffer(body) ? body : JSON.stringify(body),
        );
      }),
    close: () => {
      agent.destroy();
    },
  };
}
