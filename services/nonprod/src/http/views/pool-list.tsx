import { Status } from '@airlock/web/views/badge';
import { SectionHeading, WithAside } from '@airlock/web/views/card';
import { DataTable } from '@airlock/web/views/data-table';
import { Layout, type Frame } from '@airlock/web/views/layout';
import { VerdictBanner } from '@airlock/web/views/verdict-banner';
import type { PoolRow } from '../../app/pool-ports.ts';
import { poolWarnings, type Pool } from '../../domain/pool.ts';
import { trustWords } from '../../domain/trust-level.ts';
import { PoolBox } from './pool-box.tsx';

export function PoolListPage({
  frame,
  pools,
  problems,
}: {
  readonly frame: Frame;
  readonly pools: readonly PoolRow[];
  /** Of a pool that was not made; empty at first. */
  readonly problems: readonly string[];
}) {
  return (
    <Layout
      frame={frame}
      title="Pools"
      breadcrumbs={[{ label: 'Runners', href: '/runners' }, { label: 'Pools' }]}
    >
      {problems.length === 0 ? null : (
        <VerdictBanner kind="fix" title="Not made." text={problems.join(' ')} />
      )}
      <p class="muted">
        A run goes to a pool of its own trust or below, never above: what strangers send is not
        executed where main is built. A pipeline file chooses among the pools that its repository
        was granted, and opens none.
      </p>
      <WithAside aside={<PoolBox title="Make a pool" frame={frame} action="/pools" row={null} />}>
        <SectionHeading note={pools.length}>Pools</SectionHeading>
        <DataTable
          caption="Pools, the most trusted first"
          stacked
          rows={pools.map(({ pool }) => pool)}
          empty="There is no pool yet, so nothing can run. Make one."
          columns={[
            {
              label: 'Name',
              cell: (pool) => (
                <>
                  <a href={`/pools/${pool.name}`}>{pool.name}</a>
                  {poolWarnings(pool).length === 0 ? null : (
                    <div>
                      <Status tone="wait">look at this</Status>
                    </div>
                  )}
                </>
              ),
            },
            { label: 'Trust', nowrap: true, cell: (pool) => trustText(pool) },
            { label: 'Isolation', cell: ({ isolation }) => isolation },
            { label: 'For', wide: true, cell: (pool) => grantText(pool) },
          ]}
        />
      </WithAside>
    </Layout>
  );
}

export function trustText({ trust }: Pick<Pool, 'trust'>): string {
  return `${trust}: ${trustWords[trust]}`;
}

export function grantText({ everyone, repositories }: Pool): string {
  if (everyone) return 'every repository';
  return repositories.length === 0 ? 'no repository yet' : repositories.join(', ');
}
