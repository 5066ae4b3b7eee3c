import { Status } from '@airlock/web/views/badge';
import { Button } from '@airlock/web/views/button';
import { Card, WithAside } from '@airlock/web/views/card';
import { DataTable } from '@airlock/web/views/data-table';
import { TextField } from '@airlock/web/views/form';
import { Layout, type Frame } from '@airlock/web/views/layout';
import { Time } from '@airlock/web/views/time';
import type { ActFilter, WrittenAct } from '../../app/act-ports.ts';

const ends = {
  done: { tone: 'good', text: 'done' },
  refused: { tone: 'wait', text: 'refused' },
  failed: { tone: 'bad', text: 'failed' },
  open: { tone: 'plain', text: 'no outcome' },
} as const;

export function ActListPage({
  frame,
  filter,
  acts,
  isCut,
  now,
}: {
  readonly frame: Frame;
  readonly filter: ActFilter;
  readonly acts: readonly WrittenAct[];
  /** Whether there may be earlier ones. */
  readonly isCut: boolean;
  readonly now: Date;
}) {
  const last = acts.at(-1);
  return (
    <Layout frame={frame} title="Audit">
      <p class="muted">
        Whatever a person or their program asked to change, written down before it was done. Nobody
        changes or removes a line, and no value of a secret stands in one.
      </p>
      <WithAside aside={<FilterBox filter={filter} />}>
        <DataTable
          caption="What people did"
          stacked
          rows={acts}
          empty="Nothing that was done is of this kind."
          columns={[
            {
              label: 'What',
              wide: true,
              cell: ({ deed, path, object }) => (
                <>
                  {deed.replaceAll('-', ' ')}
                  {object === null ? '' : `: ${object}`}
                  <div class="muted small mono">{path}</div>
                </>
              ),
            },
            {
              label: 'Who',
              cell: ({ person, address, token }) => (
                <>
                  {person}
                  <div class="muted small">
                    {token === null ? 'in a browser' : `token ${token}`}, from {address}
                  </div>
                </>
              ),
            },
            { label: 'When', nowrap: true, cell: ({ at }) => <Time at={at} now={now} /> },
            {
              label: 'Outcome',
              cell: ({ end, code }) => (
                <>
                  <Status tone={ends[end].tone}>{ends[end].text}</Status>
                  {code === null ? null : <div class="muted small">{code}</div>}
                </>
              ),
            },
          ]}
        />
        {isCut && last !== undefined ? (
          <p>
            <a href={`/audit?${earlier(filter, last.id)}`}>Earlier</a>
          </p>
        ) : null}
      </WithAside>
    </Layout>
  );
}

function earlier(filter: ActFilter, before: string): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries({ ...filter, before })) {
    if (value !== null) query.set(name, value);
  }
  return query.toString();
}

function FilterBox({ filter: { person, object, day } }: { readonly filter: ActFilter }) {
  return (
    <Card title="Look for" icon="log">
      <form class="form" method="get" action="/audit" autocomplete="off">
        <TextField label="Person" name="person" value={person ?? ''} hint="Their whole name id." />
        <TextField
          label="Object"
          name="object"
          value={object ?? ''}
          hint="A repository, a secret’s name, an id of a run."
        />
        <TextField label="Day (UTC)" name="day" value={day ?? ''} hint="Such as 2026-11-22." />
        <Button kind="primary" block>
          Look
        </Button>
      </form>
    </Card>
  );
}
