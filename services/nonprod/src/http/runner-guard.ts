/** Asks the registry before each call of a runner, and closes what a runner has open when it may not speak any more. */
import type { IncomingMessage } from 'node:http';
import { TLSSocket } from 'node:tls';
import { Instance, instanceHeader } from '@airlock/common/wire/runner-enrolment';
import { MachineError } from '@airlock/process/machine-server';
import { isWithin } from '@airlock/process/networks';
import type { RunnerClone } from '../app/look-after-runners.ts';
import type { RunnerStore } from '../app/runner-ports.ts';
import { judgeCall, runnerPrefix, type Registration } from '../domain/runner.ts';
import type { RunnerEvents } from '../runner-events.ts';

/** A runner whose call was let in. */
export interface RunnerCaller {
  readonly registration: Registration;
  /** SHA-256 of its certificate's DER, hex. */
  readonly fingerprint: string;
  /** Of the process that calls. */
  readonly instance: string;
}

export const helloPath = '/v1/runner/hello';

export type RunnerGuard = ReturnType<typeof createRunnerGuard>;

export function createRunnerGuard(ports: {
  readonly runners: Pick<RunnerStore, 'registration' | 'seen' | 'barred'>;
  readonly events: RunnerEvents;
  readonly clock: () => Date;
  /** Two places hold this runner's key, of which one called from `address`. */
  readonly onCloned: (clone: RunnerClone) => Promise<void>;
}) {
  const { runners, events, clock } = ports;
  const open = new Map<string, Set<TLSSocket>>();
  const callers = new WeakMap<IncomingMessage, RunnerCaller>();

  function remember(runner: string, socket: TLSSocket): void {
    const sockets = open.get(runner) ?? new Set();
    if (sockets.has(socket)) return;
    open.set(runner, sockets.add(socket));
    socket.once('close', () => {
      sockets.delete(socket);
      if (sockets.size === 0 && open.get(runner) === sockets) open.delete(runner);
    });
  }

  function cut(runner: string): void {
    for (const socket of open.get(runner) ?? []) socket.destroy();
  }

  return {
    /** @param caller the URI name that the listener found in the certificate. */
    async mayCall(caller: string, request: IncomingMessage): Promise<boolean> {
      const { socket } = request;
      if (!caller.startsWith(runnerPrefix) || !(socket instanceof TLSSocket)) return false;
      const fingerprint = fingerprintOf(socket);
      if (fingerprint === null) return false;
      const runner = caller.slice(runnerPrefix.length);
      const instance = instanceOf(request);
      const registration = await runners.registration(fingerprint);
      const isHello = request.method === 'POST' && request.url === helloPath;
      const address = socket.remoteAddress ?? 'an unknown address';
      const verdict = judgeCall(registration, {
        ...{ runner, instance, isHello },
        isWithin: (network) => isWithin(network, address),
      });
      if (verdict.kind === 'cloned' && registration !== null) {
        // What is left of a call that its caller has given up says nothing about who calls now.
        if (socket.destroyed) return false;
        // What is cut now is everything but this call, which is told why.
        open.get(runner)?.delete(socket);
        const { reason } = verdict;
        const keySince = registration.certificate.issuedAt;
        await ports.onCloned({ runner, address, reason, keySince });
        throw new MachineError('caller-not-allowed', `${runner} is quarantined: ${reason}`);
      }
      if (verdict.kind === 'elsewhere') {
        await events.elsewhere(runner, address);
        throw new MachineError('caller-not-allowed', verdict.text);
      }
      if (verdict.kind !== 'admitted' || registration === null || instance === null) {
        const text = verdict.kind === 'refused' ? verdict.text : 'not registered';
        events.callRefused(runner, text);
        throw new MachineError('caller-not-allowed', text);
      }
      remember(runner, socket);
      callers.set(request, { registration, fingerprint, instance });
      await runners.seen(runner, clock());
      return true;
    },

    /** Who makes a call that was let in. */
    callerOf(request: IncomingMessage): RunnerCaller {
      const caller = callers.get(request);
      if (caller === undefined) throw new Error('a call that passed no guard');
      return caller;
    },

    cut,

    /** Cuts runners that another process of nonprod, or a person at the database, has barred meanwhile. */
    async cutBarred(): Promise<void> {
      const connected = [...open.keys()];
      if (connected.length === 0) return;
      for (const runner of await runners.barred(connected)) cut(runner);
    },
  };
}

function fingerprintOf(socket: TLSSocket): string | null {
  const certificate = socket.getPeerX509Certificate();
  return certificate?.fingerprint256.replaceAll(':', '').toLowerCase() ?? null;
}

function instanceOf(request: IncomingMessage): string | null {
  const parsed = Instance.safeParse(request.headers[instanceHeader]);
  return parsed.success ? parsed.data : null;
}
