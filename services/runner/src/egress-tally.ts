import { maxEgressHosts, type EgressReport } from '@airlock/common/wire/isolation';

type Carried = Omit<EgressReport, 'hosts'>;
type Host = EgressReport['hosts'][number];

export type EgressTally = {
  add(counts: Carried): void;
  /** Told of every connection that was asked for. */
  decided(decision: { readonly host: string; readonly allowed: boolean }): void;
  /** What was added since it was asked last. */
  take(): EgressReport;
};

const nothing: Carried = { allowed: 0, refused: 0, bytesIn: 0, bytesOut: 0 };

/** Of one job: a runner has one at a time. */
export function createEgressTally(): EgressTally {
  let sum = nothing;
  let hosts = new Map<string, Host>();
  return {
    add({ allowed, refused, bytesIn, bytesOut }) {
      sum = {
        allowed: sum.allowed + allowed,
        refused: sum.refused + refused,
        bytesIn: sum.bytesIn + bytesIn,
        bytesOut: sum.bytesOut + bytesOut,
      };
    },
    decided({ host: asked, allowed }) {
      const host = asked.toLowerCase().slice(0, 255);
      const before = hosts.get(host);
      if (before === undefined && hosts.size >= maxEgressHosts) return;
      hosts.set(host, {
        host,
        allowed: (before?.allowed ?? 0) + (allowed ? 1 : 0),
        refused: (before?.refused ?? 0) + (allowed ? 0 : 1),
      });
    },
    take() {
      const taken = { ...sum, hosts: [...hosts.values()] };
      sum = nothing;
      hosts = new Map();
      return taken;
    },
  };
}
