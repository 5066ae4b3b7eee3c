import { Button } from '@airlock/web/views/button';
import { Card, SectionHeading, WithAside } from '@airlock/web/views/card';
import { DataTable, type Column } from '@airlock/web/views/data-table';
import { DescriptionList } from '@airlock/web/views/description-list';
import { TextField } from '@airlock/web/views/form';
import { Layout, type Frame } from '@airlock/web/views/layout';
import type { UsageFilter, UsageSums } from '../../app/usage-ports.ts';
import {
  groupUsage,
  storedBytes,
  type RepositoryUsage,
  type Stored,
  type UsageRow,
} from '../../domain/usage.ts';
import { fileSize } from './words.ts';

/** Of each list; the API has them all. */
const mostShown = 50;

interface Props {
  readonly frame: Frame;
  readonly filter: UsageFilter;
  readonly sums: UsageSums;
}

export function UsagePage({ frame, filter, sums }: Props) {
  const { total, repositories, people, pools, days } = sums;
  const seesPeople = frame.viewer?.roles.includes('platform') === true;
  const stored = repositories.reduce((sum, row) => sum + storedBytes(row.stored), 0);
  return (
    <Layout frame={frame} title="Usage">
      <p class="muted">
        Time counts from when a runner is given a job until it has ended or is taken away, every
        attempt for itself, on the day (UTC) on which that is.
      </p>
      <WithAside aside={<FilterBox filter={filter} seesPeople={seesPeople} />}>
        <DescriptionList
          items={[
            { term: 'Days', value: `${filter.since} to ${filter.until}, in UTC` },
            {
              term: 'Machines',
              value: `${timeWords(total.seconds)} in ${buildWords(total.builds)}`,
            },
            { term: 'Stored now', value: fileSize(stored) },
          ]}
        />
        <SectionHeading note={repositories.length}>By repository</SectionHeading>
        <DataTable
          caption="Usage by repository"
          stacked
          rows={repositories.slice(0, mostShown)}
          empty="Nothing was built, and nothing is stored."
          columns={[
            {
              label: 'Repository',
              wide: true,
              cell: ({ key, groups }) => (
                <>
                  <a href={`/repos/${key}`}>{key}</a>
                  <div class="muted small">{groups.join(', ')}</div>
                </>
              ),
            },
            ...usedColumns<RepositoryUsage>(),
            {
              label: 'Stored now',
              kind: 'number',
              cell: ({ stored: kept }) => (
                <span title={storedWords(kept)}>{fileSize(storedBytes(kept))}</span>
              ),
            },
          ]}
        />
        <More count={repositories.length} />
        <SectionHeading note={people.length}>By person</SectionHeading>
        <p class="muted">
          Whoever asked for the run; else whose linked account opened the pull request; else whom
          the commit names as its author, by its word alone.
          {seesPeople ? '' : ' You see yourself here, and the platform role everybody.'}
        </p>
        <UsageTable caption="Usage by person" label="Person" rows={people} nobody="nobody known" />
        <SectionHeading>By group</SectionHeading>
        <p class="muted">A repository of two groups stands in full in both.</p>
        <UsageTable
          caption="Usage by group"
          label="Group"
          rows={groupUsage(repositories)}
          nobody="owned by none"
        />
        <SectionHeading>By pool</SectionHeading>
        <DataTable
          caption="Usage by pool"
          stacked
          rows={pools}
          empty="No runner had a job."
          columns={[
            { label: 'Pool', wide: true, cell: ({ key }) => key },
            { label: 'Time', kind: 'number', cell: ({ seconds }) => timeWords(seconds) },
          ]}
        />
        <SectionHeading>By day</SectionHeading>
        <UsageTable caption="Usage by day" label="Day" rows={days.toReversed()} nobody="" />
      </WithAside>
    </Layout>
  );
}

const usedColumns = <Row extends UsageRow>(): Column<Row>[] => [
  { label: 'Builds', kind: 'number', cell: ({ builds }) => builds },
  { label: 'Time', kind: 'number', cell: ({ seconds }) => timeWords(seconds) },
];

function UsageTable({
  caption,
  label,
  rows,
  nobody,
}: {
  readonly caption: string;
  readonly label: string;
  readonly rows: readonly UsageRow[];
  /** For what is nobody's. */
  readonly nobody: string;
}) {
  return (
    <>
      <DataTable
        caption={caption}
        stacked
        rows={rows.slice(0, mostShown)}
        empty="Nothing was built."
        columns={[
          {
            label,
            wide: true,
            cell: ({ key }) => (key === '' ? <span class="muted">{nobody}</span> : key),
          },
          ...usedColumns(),
        ]}
      />
      <More count={rows.length} />
    </>
  );
}

function More({ count }: { readonly count: number }) {
  if (count <= mostShown) return null;
  return (
    <p class="muted">
      The first {mostShown} of {count}; <code>airlock usage</code> has them all.
    </p>
  );
}

function FilterBox({
  filter: { since, until, repository, person, group },
  seesPeople,
}: {
  readonly filter: UsageFilter;
  readonly seesPeople: boolean;
}) {
  return (
    <Card title="Look for" icon="log">
      <form class="form" method="get" action="/usage" autocomplete="off">
        <TextField label="Since (UTC)" name="since" value={since} hint="Such as 2026-11-22." />
        <TextField label="Until (UTC)" name="until" value={until} />
        <TextField label="Repository" name="repository" value={repository ?? ''} />
        <TextField label="Group" name="group" value={group ?? ''} hint="That owns repositories." />
        {seesPeople ? (
          <TextField
            label="Person"
            name="person"
            value={person ?? ''}
            hint="Their whole name id."
          />
        ) : null}
        <Button kind="primary" block>
          Look
        </Button>
      </form>
    </Card>
  );
}

const buildWords = (builds: number): string => `${builds} ${builds === 1 ? 'build' : 'builds'}`;

function timeWords(seconds: number): string {
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
}

const storedWords = ({ artifacts, logs, caches }: Stored): string =>
  `artifacts ${fileSize(artifacts)}, logs ${fileSize(logs)}, caches ${fileSize(caches)}`;
