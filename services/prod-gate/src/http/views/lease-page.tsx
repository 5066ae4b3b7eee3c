import { SectionHeading } from '@airlock/web/views/card';
import { Layout, type Frame } from '@airlock/web/views/layout';
import type { VaultSession } from '../../app/vault-session-ports.ts';
import { HeldBanner } from './held-banner.tsx';
import { leaseRows, LeaseTable, type LeaseRow } from './lease-table.tsx';

export function LeasePage({
  frame,
  sessions,
  now,
  seen,
}: {
  readonly frame: Frame;
  readonly sessions: readonly VaultSession[];
  readonly now: Date;
  readonly seen: string;
}) {
  const rows = leaseRows(sessions);
  const live = rows.filter((row) => isLive(row, now));
  const past = rows.filter((row) => !isLive(row, now));
  return (
    <Layout frame={frame} title="Leases" live={`/leases/events?seen=${encodeURIComponent(seen)}`}>
      {sessions.map((session) => (
        <HeldBanner key={session.id} session={session} />
      ))}
      <SectionHeading note={live.length}>Live</SectionHeading>
      <LeaseTable
        rows={live}
        now={now}
        withDelivery
        empty="No live leases. That is the normal state."
      />
      <SectionHeading note={past.length}>Past</SectionHeading>
      <LeaseTable
        rows={past}
        now={now}
        withDelivery
        empty="No credential was ever issued. They are listed here with how long they lived."
      />
    </Layout>
  );
}

/** A secret that only a person ends is no lease: it would stand here for good. */
function isLive({ session, credential: { ending, diesAt } }: LeaseRow, now: Date): boolean {
  if (ending === 'ttl-only' && diesAt !== null) return diesAt > now;
  return session.state !== 'CLEAN' && ending !== 'by-hand';
}
