/**
 * A stand-in for Vault, for the demo and for tests: the calls that Airlock makes, answered as OpenBao 2.6 answers them, with
 * real Postgres roles behind them. It keeps everything in memory and guards nothing: loopback only, never in production,
 * and every answer says what it is, so that the gate can refuse it. The method LIST is not understood, because Node's parser
 * does not know it: ask with GET and `?list=true`, which every server takes.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { type AdminPort, startAdminPort } from './admin.ts';
import { type AuditSink, createAudit } from './audit.ts';
import { type Clock, createSkewedClock, createSystemClock } from './clock.ts';
import { type Faults, createFaults } from './faults.ts';
import { type ServerIdentity, listen } from './listener.ts';
import { type ProfileName, profiles } from './profile.ts';
import { createRequests } from './requests.ts';
import { createVault } from './vault.ts';
import { send } from './wire.ts';

export const bannerHeader = 'X-Airlock-Vault-Double';

export type VaultDouble = {
  /** Such as `http://127.0.0.1:8200`. */
  readonly address: string;
  /** The TLS listener, which asks for a client certificate; null unless it was asked for. */
  readonly tlsAddress: string | null;
  readonly clock: Clock;
  readonly faults: Faults;
  /** Where faults can be steered from another process; null unless it was asked for. */
  readonly adminAddress: string | null;
  /** Undoes every lease that is left (the roles really go), then closes. */
  readonly stop: () => Promise<void>;
};

/**
 * @param options.port 0 picks a free one.
 * @param options.tls makes it listen with TLS as well, on that port; 0 picks a free one.
 * @param options.profile whose answers are given where servers differ; `openbao-2.6` when left out.
 * @param options.audit where the audit device writes; nowhere when left out.
 * @param options.adminPort opens a second listener on which anybody on this machine may inject faults; 0 picks a free one.
 * @param options.random where a wait between two tries to undo a lease lies in its range; `Math.random` when left out.
 * @param options.log called once a request: method, path and status, never a body or a token.
 * @throws Error when the host is not loopback or NODE_ENV is production.
 */
export async function startVaultDouble(options: {
  host: '127.0.0.1' | '::1';
  port: number;
  rootToken: string;
  tls?: ServerIdentity & { port: number };
  clock?: Clock;
  profile?: ProfileName;
  audit?: AuditSink;
  adminPort?: number;
  random?: () => number;
  log?: (line: { method: string; path: string; status: number }) => void;
}): Promise<VaultDouble> {
  refuseOutsideDevelopment(options.host);
  const profile = profiles[options.profile ?? 'openbao-2.6'];
  const faults = createFaults();
  const passing = options.clock ?? createSystemClock();
  const clock = createSkewedClock(passing, () => faults.clockSkewMilliseconds);
  const vault = createVault({
    clock,
    profile,
    faults,
    rootToken: options.rootToken,
    random: options.random ?? Math.random,
  });
  const audit = createAudit({
    sink: options.audit ?? null,
    now: () => clock.now(),
    isFailing: () => faults.auditFailing,
  });
  const handle = createRequests({ vault, audit, faults, profile, clock, log: options.log });

  const answerSafely = (request: IncomingMessage, response: ServerResponse) => {
    response.setHeader(bannerHeader, '1');
    handle(request, response).catch((error: unknown) => {
      if (!response.headersSent) {
        send(response, {
          status: 500,
          body: { errors: [error instanceof Error ? error.message : 'unknown'] },
        });
      } else response.destroy();
    });
  };
  const { host, tls } = options;
  const plain = await listen({ host, port: options.port, tls: null, handle: answerSafely });
  const secured =
    tls === undefined ? null : await listen({ host, port: tls.port, tls, handle: answerSafely });
  const admin: AdminPort | null =
    options.adminPort === undefined
      ? null
      : await startAdminPort({
          host: options.host,
          port: options.adminPort,
          faults,
          clock: passing,
        });
  return {
    address: plain.address,
    tlsAddress: secured?.address ?? null,
    clock,
    faults,
    adminAddress: admin?.address ?? null,
    async stop() {
      admin?.stop();
      plain.close();
      secured?.close();
      faults.databaseDown = false;
      const { leases } = vault;
      await leases.settle();
      await Promise.allSettled(leases.all().map((lease) => leases.revoke(lease)));
    },
  };
}

function refuseOutsideDevelopment(host: string): void {
  if (process.env['NODE_ENV'] === 'production') {
    throw new Error(
      'the Vault stand-in does not start with NODE_ENV=production; run OpenBao or Vault and set vault.address',
    );
  }
  // The type says so too; a caller that casts must not be able to open it to a network.
  if (host !== '127.0.0.1' && host !== '::1') {
    throw new Error(`the Vault stand-in listens on 127.0.0.1 or ::1 only, not on ${host}`);
  }
}
