/**
 * The runner's connections to nonprod. The certificate can be replaced while calls are under way: they end on the
 * connection that they began on, and new ones are made under the new certificate.
 */
import { createPrivateKey, randomBytes, sign, X509Certificate, type KeyObject } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Agent, ClientRequest } from 'node:http';
import { request as httpsRequest, type RequestOptions } from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';
import { instanceHeader } from '@airlock/common/wire/runner-enrolment';
import { clientIdentity, mutualTlsAgent, TlsError } from '@airlock/process/mtls';

export type EdgeSettings = {
  url: string;
  /** Authorities by which the server is known, PEM. */
  caFile: string;
  /** Key and certificate chain of this runner, PEM. */
  identityFile: string;
  /** The one URI name in the server's certificate. */
  serverIdentity: string;
};

export type RunnerIdentity = {
  /** The name in its certificate, without what every runner's begins with. */
  runner: string;
  /** By the key of the certificate. */
  sign: (bytes: Uint8Array) => Buffer;
};

export type Connection = {
  /** As node:https has it, on this runner's connections and in its name. */
  request: (url: URL, options: RequestOptions) => ClientRequest;
  /** What calls are made under that begin now. */
  identity: () => RunnerIdentity;
  /** Reads certificate and authorities again: calls from now on are made under what the files hold. */
  replace(): void;
  /** Settles when no call is under way on a certificate before the present one. */
  drained(signal: AbortSignal): Promise<void>;
  close(): void;
};

const lookAgainMs = 50;
const runnerPrefix = 'airlock:runner:';

/** @throws TlsError `configuration-tls-file` when a file cannot be read. */
export function createConnection(settings: EdgeSettings): Connection {
  const { caFile, identityFile, serverIdentity } = settings;
  const instance = randomBytes(16).toString('hex');
  const open = (): { agent: Agent; identity: RunnerIdentity } => {
    const pem = readPem(identityFile);
    const agent = mutualTlsAgent({
      ...{ caFile, serverIdentity },
      certificateFile: identityFile,
      keyFile: identityFile,
    });
    return { agent, identity: identityOf(pem, identityFile) };
  };
  let current = open();
  const earlier = new Set<Agent>();

  return {
    request(url, options) {
      const outgoing = httpsRequest(url, { ...options, agent: current.agent });
      outgoing.setHeader(instanceHeader, instance);
      return outgoing;
    },
    identity: () => current.identity,
    replace() {
      const next = open();
      earlier.add(current.agent);
      current = next;
    },
    async drained(signal) {
      while (earlier.size > 0 && !signal.aborted) {
        for (const agent of earlier) {
          if (Object.keys(agent.sockets).length > 0 || Object.keys(agent.requests).length > 0) {
            continue;
          }
          agent.destroy();
          earlier.delete(agent);
        }
        if (earlier.size > 0) await sleep(lookAgainMs);
      }
    },
    close() {
      for (const agent of [current.agent, ...earlier]) agent.destroy();
    },
  };
}

function identityOf(pem: string, file: string): RunnerIdentity {
  const refused = (cause?: unknown): TlsError =>
    new TlsError(
      'configuration-tls-file',
      `${file} holds no key and certificate of a runner; bring this runner in anew with airlock-runner join`,
      { cause },
    );
  let key: KeyObject;
  let name: string | null;
  try {
    key = createPrivateKey(pem);
    name = clientIdentity(new X509Certificate(pem));
  } catch (cause) {
    throw refused(cause);
  }
  if (name?.startsWith(runnerPrefix) !== true) throw refused();
  const algorithm = key.asymmetricKeyType === 'ed25519' ? null : 'sha256';
  return {
    runner: name.slice(runnerPrefix.length),
    sign: (bytes) => sign(algorithm, bytes, key),
  };
}

function readPem(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    throw new TlsError('configuration-tls-file', `${file} cannot be read; check the path`, {
      cause,
    });
  }
}
