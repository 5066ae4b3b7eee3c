import { Status } from '@airlock/web/views/badge';
import { Button } from '@airlock/web/views/button';
import { Card, SectionHeading, WithAside } from '@airlock/web/views/card';
import { DataTable } from '@airlock/web/views/data-table';
import { PostForm } from '@airlock/web/views/form';
import { Layout, type Frame } from '@airlock/web/views/layout';
import { Time } from '@airlock/web/views/time';
import type { SecretReading, SecretSummary, SecretVersionSummary } from '../../app/secret-ports.ts';
import { AgeStatus, FiltersBox, ReadersBox } from './secret-filters.tsx';
import { SetBox } from './secret-list.tsx';

export function SecretPage({
  frame,
  secret,
  versions,
  reads,
  now,
}: {
  readonly frame: Frame;
  readonly secret: SecretSummary;
  readonly versions: readonly SecretVersionSummary[];
  readonly reads: readonly SecretReading[];
  readonly now: Date;
}) {
  const { name, description, erased, filters } = secret;
  return (
    <Layout
      frame={frame}
      title={name}
      breadcrumbs={[{ label: 'Secrets', href: '/secrets' }, { label: name }]}
    >
      <p class="muted">{description === '' ? 'Nobody wrote down what it is for.' : description}</p>
      <AgeStatus secret={secret} now={now} />
      <WithAside
        aside={
          <>
            <ReadersBox filters={filters} />
            <SetBox frame={frame} name={name} description={description} kind={secret.kind} />
            <FiltersBox frame={frame} name={name} filters={filters} />
            {erased === null && frame.viewer?.roles.includes('platform') === true ? (
              <Card title="Erase" icon="x-circle">
                <p>Its key is deleted. The value cannot be brought back.</p>
                <PostForm action={`/secrets/${name}/erase`} csrfToken={frame.csrfToken}>
                  <Button kind="danger" icon="x-circle" block>
                    Erase {name}
                  </Button>
                </PostForm>
              </Card>
            ) : null}
          </>
        }
      >
        <SectionHeading note={versions.length}>Versions</SectionHeading>
        <DataTable
          caption="Versions, newest first"
          rows={versions}
          empty="None."
          columns={[
            { label: 'Version', kind: 'number', cell: ({ version }) => version },
            {
              label: 'State',
              wide: true,
              cell: ({ erased: gone }) =>
                gone === null ? (
                  <Status tone="good">current</Status>
                ) : (
                  <>
                    <Status tone="plain">erased</Status> <Time at={gone.at} now={now} />
                    <div class="muted small">by {gone.by}</div>
                  </>
                ),
            },
            {
              label: 'Set',
              cell: ({ setAt, setBy }) => (
                <>
                  <Time at={setAt} now={now} />
                  <div class="muted small">by {setBy}</div>
                </>
              ),
            },
          ]}
        />
        <SectionHeading note={reads.length}>Read by</SectionHeading>
        <DataTable
          caption="Builds that were given it, newest first"
          rows={reads}
          empty="No build has been given it."
          columns={[
            {
              label: 'Run',
              cell: ({ runId, runNumber }) => <a href={`/runs/${runId}`}>#{runNumber}</a>,
            },
            { label: 'Step', wide: true, cell: ({ step }) => step },
            { label: 'Version', kind: 'number', cell: ({ version }) => version },
            { label: 'When', cell: ({ at }) => <Time at={at} now={now} /> },
          ]}
        />
      </WithAside>
    </Layout>
  );
}
