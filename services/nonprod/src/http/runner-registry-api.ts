/** What a registered runner says of itself, and how it gets its next certificate. */
import {
  CertificateRequest,
  RunnerHello,
  type IssuedCertificate,
} from '@airlock/common/wire/runner-enrolment';
import { MachineError, readJson, type MachineRoute } from '@airlock/process/machine-server';
import type { EnrolRunners } from '../app/enrol-runners.ts';
import { RunnerEdgeError } from '../app/runner-ports.ts';
import type { PoolRule } from '../app/enrol-runners.ts';
import { helloPath, type RunnerGuard } from './runner-guard.ts';

/** 64 labels of 128 characters and 200 places of 261, as JSON. */
const helloBody = 128 * 1024;
const requestBody = 8 * 1024;

export function runnerRegistryRoutes(ports: {
  readonly guard: Pick<RunnerGuard, 'callerOf'>;
  readonly enrol: Pick<EnrolRunners, 'hello' | 'renew'>;
  readonly poolRule: (pool: string) => Promise<PoolRule | null>;
}): MachineRoute[] {
  const { guard, enrol, poolRule } = ports;
  return [
    {
      method: 'POST',
      path: helloPath,
      async handle({ request }) {
        const said = await readJson(request, RunnerHello, helloBody);
        const caller = guard.callerOf(request);
        const { runner, pool, kind } = caller.registration;
        if (!said.once && (kind === 'once' || (await poolRule(pool))?.once === true)) {
          throw new MachineError(
            'caller-not-allowed',
            `${runner} is a runner for one job, as the pool ${pool} has them; start it with airlock-runner agent --once`,
          );
        }
        const refused = await enrol.hello(caller, caller.instance, said);
        if (refused !== null) throw new MachineError('caller-not-allowed', refused);
        return { status: 204 };
      },
    },
    {
      method: 'POST',
      path: '/v1/runner/certificate',
      async handle({ request }) {
        const { csr } = await readJson(request, CertificateRequest, requestBody);
        const { registration } = guard.callerOf(request);
        try {
          const issued: IssuedCertificate = await enrol.renew(registration, csr);
          return { status: 200, json: issued };
        } catch (cause) {
          if (!(cause instanceof RunnerEdgeError)) throw cause;
          const code =
            cause.code === 'request-refused' ? 'request-malformed' : 'dependency-unavailable';
          throw new MachineError(code, cause.message, { cause });
        }
      },
    },
  ];
}
