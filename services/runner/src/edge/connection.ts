/**
 * The runner's connections to nonprod. The certificate can be replaced while calls are under way: they end on the
 * connection that they began on, and new ones are made under the new certificate.
 */
import { randomBytes } from 'node:crypto';
import type { Agent, ClientRequest } from 'node:http';
import { request as httpsRequest, type RequestOptions } from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';
import { instanceHeader } from '@airlock/common/wire/runner-enrolment';
import { mutualTlsAgent } from '@airlock/process/mtls';

export type EdgeSettings = {
  url: string;
  /** Authorities by which the server is known, PEM. */
  caFile: string;
  /** Key and certificate chain of this runner, PEM. */
  identityFile: string;
  /** The one URI name in the server's certificate. */
  serverIdentity: string;
};

export type Connection = {
  /** As node:https has it, on this runner's connections and in its name. */
  request: (url: URL, options: RequestOptions) => ClientRequest;
  /** Reads certificate and authorities again: calls from now on are made under what the files hold. */
  replace(): void;
  /** Settles when no call is under way on a certificate before the present one. */
  drained(signal: AbortSignal): Promise<void>;
  close(): void;
};

const lookAgainMs = 50;

/** @throws TlsError `configuration-tls-file` when a file cannot be read. */
export function createConnection(settings: EdgeSettings): Connection {
  const { caFile, identityFile, serverIdentity } = settings;
  const instance = randomBytes(16).toString('hex');
  const open = (): Agent =>
    mutualTlsAgent({
      ...{ caFile, serverIdentity },
      certificateFile: identityFile,
      keyFile: identityFile,
    });
  let current = open();
  const earlier = new Set<Agent>();

  return {
    request: (url, options) =>
      httpsRequest(url, {
        ...options,
        agent: current,
        headers: { ...options.headers, [instanceHeader]: instance },
      }),
    replace() {
      const next = open();
      earlier.add(current);
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
      for (const agent of [current, ...earlier]) agent.destroy();
    },
  };
}
