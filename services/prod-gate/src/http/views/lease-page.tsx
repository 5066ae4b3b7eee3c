import { SectionHeading } from '@airlock/web/views/card';
import { Layout, type Frame } from '@airlock/web/views/layout';
import type { VaultSession } from '../../app/ports.ts';
import { LeaseTable } from './lease-table.tsx';

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
  const live = sessions.filter(({ state }) => state !== 'CLEAN');
  const gone = sessions.filter(({ state }) => state === 'CLEAN');
  return (
    <Layout frame={frame} title="Leases" live={`/leases/events?seen=${encodeURIComponent(seen)}`}>
      <SectionHeading note={live.length}>Live</SectionHeading>
      <LeaseTable
        sessions={live}
        now={now}
        withDelivery
        empty="No live leases. That is the normal state."
      />
      <SectionHeading note={gone.length}>Gone</SectionHeading>
      <LeaseTable
        sessions={gone}
        now={now}
        withDelivery
        empty="No credential was ever issued. They are listed here with how long they lived."
      />
    </Layout>
  );
}
