import { SectionHeading, WithAside } from '@airlock/web/views/card';
import { DataTable } from '@airlock/web/views/data-table';
import { DescriptionList } from '@airlock/web/views/description-list';
import { Layout, type Frame } from '@airlock/web/views/layout';
import { Time } from '@airlock/web/views/time';
import { VerdictBanner } from '@airlock/web/views/verdict-banner';
import type { PoolChange, PoolLoad, PoolRow } from '../../app/pool-ports.ts';
import { poolWarnings, takesOneJob } from '../../domain/pool.ts';
import type { PoolEgress } from '../../domain/pool-egress.ts';
import { Places } from './places.tsx';
import { PoolBox } from './pool-box.tsx';
import { grantText, trustText } from './pool-list.tsx';

export function PoolPage({
  frame,
  row,
  changes,
  load,
  reaches,
  problems,
  now,
}: {
  readonly frame: Frame;
  readonly row: PoolRow;
  readonly changes: readonly PoolChange[];
  readonly load: PoolLoad;
  readonly reaches: PoolEgress;
  /** Of a change that was not saved; empty at first. */
  readonly problems: readonly string[];
  readonly now: Date;
}) {
  const { pool } = row;
  const labels = Object.entries(pool.labels).map(([name, value]) => `${name}=${value}`);
  return (
    <Layout
      frame={frame}
      title={pool.name}
      breadcrumbs={[
        { label: 'Runners', href: '/runners' },
        { label: 'Pools', href: '/pools' },
        { label: pool.name },
      ]}
    >
      {problems.length === 0 ? null : (
        <VerdictBanner kind="fix" title="Not saved." text={problems.join(' ')} />
      )}
      {poolWarnings(pool).map((warning) => (
        <VerdictBanner key={warning} kind="fix" title="Look at this." text={warning} />
      ))}
      <WithAside
        aside={<PoolBox title="Change it" frame={frame} action={`/pools/${pool.name}`} row={row} />}
      >
        <DescriptionList
          items={[
            { term: 'Trust', value: trustText(pool) },
            { term: 'For', value: grantText(pool) },
            { term: 'Isolation', value: pool.isolation },
            { term: 'Runners', value: takesOneJob(pool) ? 'take one job and end' : 'stay' },
            { term: 'Labels', value: labels.length === 0 ? 'none' : labels.join(', ') },
            {
              term: 'Jobs',
              value: `${load.running} running${pool.concurrency === null ? '' : ` of ${pool.concurrency} at most`}, ${load.queued} queued`,
            },
            { term: 'Builds reach', value: <Places egress={reaches} /> },
            ...(pool.egress === null
              ? []
              : [
                  {
                    term: 'Egress list',
                    value: pool.egress,
                    source: 'a name: what it holds stands with the runners',
                  },
                ]),
          ]}
        />
        <SectionHeading note={pool.images.length}>Images</SectionHeading>
        <DataTable
          caption="Images that jobs of this pool may name"
          rows={pool.images}
          empty={`With isolation ${pool.isolation} steps run on the machine as it is.`}
          columns={[
            { label: 'Image', kind: 'mono', wide: true, cell: ({ glob }) => glob },
            {
              label: 'Digest',
              kind: 'mono',
              cell: ({ digest }) => (digest === null ? 'any' : `${digest.slice(0, 19)}…`),
            },
            { label: 'Plugin', cell: ({ plugin }) => (plugin ? 'yes' : 'no') },
          ]}
        />
        <SectionHeading note={changes.length}>Changes</SectionHeading>
        <DataTable
          caption="Changes, the newest first"
          rows={changes}
          empty="As the configuration of the scheduler began it."
          columns={[
            { label: 'Version', kind: 'number', cell: ({ version }) => version },
            {
              label: 'When',
              nowrap: true,
              cell: ({ changedAt }) => <Time at={changedAt} now={now} />,
            },
            { label: 'Who', wide: true, cell: ({ changedBy }) => changedBy },
            {
              label: 'Made it',
              cell: (change) => `trust ${change.pool.trust}, ${grantText(change.pool)}`,
            },
          ]}
        />
      </WithAside>
    </Layout>
  );
}
