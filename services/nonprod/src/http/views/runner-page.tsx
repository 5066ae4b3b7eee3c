import { Status } from '@airlock/web/views/badge';
import { Button } from '@airlock/web/views/button';
import { Card, SectionHeading, WithAside } from '@airlock/web/views/card';
import { CodeBlock, Digest } from '@airlock/web/views/code-block';
import { DataTable } from '@airlock/web/views/data-table';
import { DescriptionList } from '@airlock/web/views/description-list';
import { PostForm, SelectField, TextField } from '@airlock/web/views/form';
import { Layout, type Frame } from '@airlock/web/views/layout';
import { Time } from '@airlock/web/views/time';
import type { RunnerEvent, RunnerRun, RunnerSummary } from '../../app/runner-ports.ts';
import { poolEgress } from '../../domain/pool-egress.ts';
import { Places } from './places.tsx';
import { RunnerState } from './runner-list.tsx';
import { placesText } from './words.ts';

export function RunnerPage({
  frame,
  runner,
  runs,
  events,
  now,
}: {
  readonly frame: Frame;
  readonly runner: RunnerSummary;
  readonly runs: readonly RunnerRun[];
  readonly events: readonly RunnerEvent[];
  readonly now: Date;
}) {
  const { certificate } = runner;
  return (
    <Layout
      frame={frame}
      title={runner.id}
      breadcrumbs={[{ label: 'Runners', href: '/runners' }, { label: runner.id }]}
    >
      <WithAside aside={<Actions frame={frame} runner={runner} />}>
        <DescriptionList
          items={[
            { term: 'State', value: <RunnerState runner={runner} now={now} /> },
            { term: 'Pool', value: <a href={`/pools/${runner.pool}`}>{runner.pool}</a> },
            { term: 'Registered', value: runner.kind === 'once' ? 'for one job' : 'to last' },
            { term: 'Speaks from', value: placesText(runner.networks) },
            { term: 'Enrolled', value: <Time at={runner.enrolledAt} now={now} /> },
            {
              term: 'Seen',
              value:
                runner.lastSeenAt === null ? 'never' : <Time at={runner.lastSeenAt} now={now} />,
            },
            {
              term: 'Certificate',
              value:
                certificate === null ? (
                  'none that holds'
                ) : (
                  <>
                    <Digest value={certificate.fingerprint} />, ends{' '}
                    <Time at={certificate.notAfter} now={now} />
                  </>
                ),
            },
            {
              term: 'Isolation',
              value: runner.isolation ?? 'not told yet',
              source: 'as the runner says',
            },
            {
              term: 'Platform',
              value: runner.platform ?? 'not told yet',
              source: 'as the runner found its kernel',
            },
            {
              term: 'Builds reach',
              value:
                runner.egress === null ? (
                  'not told'
                ) : (
                  <Places egress={poolEgress(runner.isolation ?? '', [runner.egress])} />
                ),
              source: 'as the runner says',
            },
            {
              term: 'Version',
              value: runner.version ?? 'not told yet',
              source: 'as the runner says',
            },
            ...(runner.labels.length === 0
              ? []
              : [
                  {
                    term: 'Labels',
                    value: runner.labels.join(', '),
                    source: 'as the runner says',
                  },
                ]),
          ]}
        />
        <SectionHeading note={runs.length}>Built here</SectionHeading>
        <DataTable
          caption="Runs that this runner worked on, the newest first"
          rows={runs}
          empty="Nothing yet."
          columns={[
            {
              label: 'Run',
              wide: true,
              cell: ({ runId, number, subject }) => (
                <>
                  <a href={`/runs/${runId}`}>#{number}</a> {subject}
                </>
              ),
            },
            {
              label: 'Trusted',
              nowrap: true,
              cell: ({ tainted }) =>
                tainted ? <Status tone="bad">tainted</Status> : <Status tone="good">yes</Status>,
            },
            {
              label: 'Candidate',
              nowrap: true,
              cell: ({ candidateId }) =>
                candidateId === null ? (
                  'none'
                ) : (
                  <a href={`/candidates/${candidateId}`}>{candidateId}</a>
                ),
            },
            { label: 'When', nowrap: true, cell: ({ at }) => <Time at={at} now={now} /> },
          ]}
        />
        <SectionHeading note={events.length}>What happened</SectionHeading>
        <DataTable
          caption="Events of this runner, the newest first"
          stacked
          rows={events}
          empty="Nothing yet."
          columns={[
            { label: 'When', nowrap: true, cell: ({ at }) => <Time at={at} now={now} /> },
            { label: 'What', wide: true, cell: ({ text }) => text },
            { label: 'Who', cell: ({ person }) => person ?? '' },
          ]}
        />
      </WithAside>
    </Layout>
  );
}

function Actions({ frame, runner }: { readonly frame: Frame; readonly runner: RunnerSummary }) {
  if (frame.viewer?.roles.includes('platform') !== true) {
    return (
      <Card title="Hold back" icon="lock">
        <p>The platform role holds runners back; none of your groups gives it to you here.</p>
      </Card>
    );
  }
  const at = (verb: string): string => `/runners/${runner.id}/${verb}`;
  const { csrfToken } = frame;
  return (
    <>
      {runner.state === 'active' || runner.state === 'draining' ? (
        <Card title="Jobs" icon="sync">
          <PostForm action={at('jobs')} csrfToken={csrfToken}>
            {runner.state === 'active' ? (
              <Button name="jobs" value="drain" block>
                No new jobs
              </Button>
            ) : (
              <Button name="jobs" value="resume" block>
                Jobs again
              </Button>
            )}
          </PostForm>
        </Card>
      ) : null}
      <Card title="Quarantine" icon="alert">
        <p class="small">
          Cuts it off, gives its jobs to others, and marks what it built as tainted: candidates of
          it are not offered for promotion any more. It comes back by a new token alone.
        </p>
        <PostForm action={at('quarantine')} csrfToken={csrfToken}>
          <TextField label="Why" name="reason" required maxLength={200} />
          <SelectField
            label="Doubt what it built"
            name="since"
            value="48"
            options={[
              { value: '24', label: 'in the last day' },
              { value: '48', label: 'in the last two days' },
              { value: '168', label: 'in the last week' },
              { value: '8760', label: 'in the last year' },
              { value: 'none', label: 'not at all' },
            ]}
          />
          <Button kind="danger" icon="alert" block>
            Quarantine
          </Button>
        </PostForm>
        <AtTheGate runner={runner} />
      </Card>
      <Card title="Remove" icon="x-circle">
        <PostForm action={at('remove')} csrfToken={csrfToken}>
          <TextField
            label="Its name"
            name="name"
            hint={`Type ${runner.id} to say that you mean it.`}
            required
          />
          <Button kind="danger" icon="x-circle" block>
            Take out of the registry
          </Button>
        </PostForm>
      </Card>
    </>
  );
}

/** This site tells the gate nothing that the gate would believe, so a person says it there. */
function AtTheGate({ runner: { id } }: { readonly runner: RunnerSummary }) {
  return (
    <>
      <p class="small">
        What the gate took in before waits there for nothing that happens here. Hold it there, too,
        in Controls, Blast radius, or by command:
      </p>
      <CodeBlock label="At the gate" wrap>
        {`airlock quarantine runner:${id} --since 48h -m "…"`}
      </CodeBlock>
    </>
  );
}
