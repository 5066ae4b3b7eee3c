import { Status } from '@airlock/web/views/badge';
import { SectionHeading } from '@airlock/web/views/card';
import { DataTable } from '@airlock/web/views/data-table';
import { Layout, type Frame } from '@airlock/web/views/layout';
import { takesOneJob, type Pool } from '../../domain/pool.ts';
import type { Reach, ReachedSecret } from '../../domain/reach.ts';
import { trustWords } from '../../domain/trust-level.ts';
import type { PoolEgress } from '../../domain/pool-egress.ts';
import { Places } from './places.tsx';
import { trustText } from './pool-list.tsx';

/** A pool that some run may be in. */
export interface ReachedPool {
  readonly pool: Pool;
  readonly reaches: PoolEgress;
}

export function ReachPage({
  frame,
  repository,
  reach,
  pools,
  namesSecrets,
}: {
  readonly frame: Frame;
  readonly repository: string;
  readonly reach: readonly Reach[];
  readonly pools: readonly ReachedPool[];
  /** Whether the viewer may list secrets. */
  readonly namesSecrets: boolean;
}) {
  return (
    <Layout
      frame={frame}
      title="What this pipeline can reach"
      breadcrumbs={[
        { label: 'Repositories', href: '/repos' },
        { label: repository, href: `/repos/${repository}` },
        { label: 'Reach' },
      ]}
    >
      <p class="muted">
        Whoever writes a pipeline file runs commands on runners. This is the most that a run of{' '}
        {repository} gets, whatever its file says, by the rules as they are now. A stranger’s run
        that a member releases may follow its own files; it gets no more for that, but what it
        builds may be signed by the key of pr.
      </p>
      <SectionHeading note={reach.length}>Runs</SectionHeading>
      <DataTable
        caption="Kinds of runs, strangers first"
        stacked
        rows={reach}
        empty="No run of it is possible."
        columns={[
          {
            label: 'Run',
            cell: (run) => (
              <>
                {placeText(run)}
                <div class="muted small">{run.events.join(', ')}</div>
              </>
            ),
          },
          {
            label: 'Trust',
            cell: ({ level, files }) => (
              <>
                {level}: {trustWords[level]}
                <div class="muted small">
                  {files === 'own' ? 'by its own files' : 'by the base branch’s files'}
                </div>
              </>
            ),
          },
          {
            label: 'Pools',
            cell: ({ pools: names }) =>
              names.length === 0 ? (
                <Status tone="plain">none: it does not run</Status>
              ) : (
                names.map((name) => (
                  <div key={name}>
                    <a href={`#pool-${name}`}>{name}</a>
                  </div>
                ))
              ),
          },
          {
            label: 'Secrets',
            cell: (run) => {
              if (!namesSecrets) return 'not shown to you';
              return run.secrets.length === 0 ? 'none' : <Secrets run={run} />;
            },
          },
          { label: 'Caches', cell: (run) => <Caches run={run} /> },
          { label: 'Signed', cell: (run) => <Signed run={run} /> },
        ]}
      />
      <SectionHeading note={pools.length}>Pools</SectionHeading>
      <p class="muted">
        A workflow chooses among its run’s pools by labels. Hosts stand in the configuration of the
        pool’s runners, which log each that is asked and refuse every other; what is shown here is
        the word of those that were heard of in the last day.
      </p>
      <DataTable
        caption="Pools that its runs may be in, the most trusted first"
        stacked
        rows={pools}
        rowId={({ pool }) => `pool-${pool.name}`}
        empty="None is granted to it, so nothing of it runs. Whoever has the platform role grants one at Pools."
        columns={[
          {
            label: 'Pool',
            cell: ({ pool }) => (
              <>
                <a href={`/pools/${pool.name}`}>{pool.name}</a>
                <div class="muted small">
                  runners {takesOneJob(pool) ? 'take one job and end' : 'stay'}
                </div>
              </>
            ),
          },
          { label: 'Trust', cell: ({ pool }) => trustText(pool) },
          { label: 'Isolation', cell: ({ pool }) => pool.isolation },
          { label: 'Images', kind: 'mono', cell: ({ pool }) => <Images pool={pool} /> },
          {
            label: 'Hosts',
            cell: ({ pool, reaches }) => (
              <>
                <Places egress={reaches} />
                {pool.egress === null ? null : (
                  <div class="muted small">list {pool.egress}, by its name</div>
                )}
              </>
            ),
          },
        ]}
      />
    </Layout>
  );
}

function placeText({ place, refs }: Reach): string {
  switch (place) {
    case 'pull-request-of-strangers':
      return 'Pull request of a stranger’s, or of nobody known';
    case 'pull-request-of-members':
      return 'Pull request of a member’s';
    case 'branch':
      return 'Any other branch';
    case 'tag':
      return 'Any other tag';
    case 'protected-refs':
      return `Protected ${refs ?? ''}`;
    case 'main':
      return `Main branch, ${refs ?? ''}`;
  }
}

function Secrets({ run }: { readonly run: Reach }) {
  return (
    <>
      {run.secrets.map((secret) => (
        <div key={secret.name}>
          <a href={`/secrets/${secret.name}`}>{secret.name}</a>
          <div class="muted small">{needs(secret, run)}</div>
        </div>
      ))}
    </>
  );
}

/** What a run has to have beside the place and the event; empty when nothing. */
function needs({ pools, refs, plugins, releasedOnly }: ReachedSecret, run: Reach): string {
  return [
    ...(pools.length === run.pools.length ? [] : [`in ${pools.join(', ')}`]),
    ...(refs.length === 0 ? [] : [`of ${refs.join(', ')}`]),
    ...(plugins.length === 0 ? [] : [`plugins ${plugins.join(', ')}`]),
    ...(releasedOnly ? ['released by a person'] : []),
  ].join(' · ');
}

function Caches({ run: { level, secrets, caches } }: { readonly run: Reach }) {
  const { reads, writes } = caches;
  return (
    <>
      reads trust {reads.join(', ')}
      <div class="muted small">
        {writes.length === 0
          ? 'writes none'
          : `writes trust ${level} in ${writes.join(', ')}${secrets.length === 0 ? '' : ', until it reads a secret'}`}
      </div>
    </>
  );
}

function Signed({ run: { signedBy, promotable } }: { readonly run: Reach }) {
  if (signedBy === null) return <>no</>;
  return (
    <>
      by the key of {signedBy}
      <div class="muted small">
        {promotable ? 'may be asked to be promoted' : 'is never promoted'}
      </div>
    </>
  );
}

function Images({ pool: { images, isolation } }: { readonly pool: Pool }) {
  if (images.length === 0) return <>the machine as it is ({isolation})</>;
  return (
    <>
      {images.map(({ glob, digest, plugin }) => (
        <div key={glob}>
          {glob}
          {digest === null ? '' : ` @${digest.slice(0, 19)}…`}
          {plugin ? ', also as plugin' : ''}
        </div>
      ))}
    </>
  );
}
