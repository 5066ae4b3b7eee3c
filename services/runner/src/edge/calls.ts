/** What a runner says of itself to nonprod, and how it asks for its next certificate. */
import type { ClientRequest, IncomingMessage } from 'node:http';
import type { RequestOptions } from 'node:https';
import { json as readJson } from 'node:stream/consumers';
import { IssuedCertificate, type RunnerHello } from '@airlock/common/wire/runner-enrolment';
import { Problem } from '@airlock/common/wire/problem';
import { ControlPlaneError } from '../api/answers.ts';

export type EdgeCalls = {
  hello(said: RunnerHello, signal: AbortSignal): Promise<void>;
  renew(csr: string, signal: AbortSignal): Promise<IssuedCertificate>;
};

const timeoutMs = 30_000;

/** All calls throw ControlPlaneError. */
export function createEdgeCalls(options: {
  url: string;
  request: (url: URL, options: RequestOptions) => ClientRequest;
}): EdgeCalls {
  async function post(path: string, body: unknown, signal: AbortSignal): Promise<unknown> {
    const text = Buffer.from(JSON.stringify(body));
    const within = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
    let status: number;
    let told: unknown;
    try {
      const answer = await new Promise<IncomingMessage>((resolve, reject) => {
        const headers = { 'content-type': 'application/json', 'content-length': text.length };
        const outgoing = options.request(new URL(path, options.url), {
          ...{ method: 'POST', headers, signal: within },
        });
        outgoing.once('response', resolve);
        outgoing.once('error', reject);
        outgoing.end(text);
      });
      status = answer.statusCode ?? 0;
      if (status === 204) answer.resume();
      else told = await readJson(answer);
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause);
      throw new ControlPlaneError(
        'control-plane-unreachable',
        `${options.url} cannot be reached (${why}); check that nonprod's web process runs and controlPlane.url`,
        { cause },
      );
    }
    if (status >= 200 && status < 300) return told;
    const problem = Problem.safeParse(told);
    throw new ControlPlaneError(
      status >= 500 ? 'control-plane-unreachable' : 'control-plane-refused',
      `nonprod answers ${problem.success ? problem.data.title : `HTTP ${status}`}`,
    );
  }

  return {
    async hello(said, signal) {
      await post('/v1/runner/hello', said, signal);
    },
    async renew(csr, signal) {
      const parsed = IssuedCertificate.safeParse(
        await post('/v1/runner/certificate', { csr }, signal),
      );
      if (parsed.success) return parsed.data;
      throw new ControlPlaneError(
        'control-plane-refused',
        'the certificate offered is malformed; are nonprod and this runner of the same version?',
      );
    },
  };
}
