import { Status, type Tone } from '@airlock/web/views/badge';
import { Button } from '@airlock/web/views/button';
import { Card, SectionHeading, WithAside } from '@airlock/web/views/card';
import { DataTable } from '@airlock/web/views/data-table';
import { Layout, type Frame } from '@airlock/web/views/layout';
import { Time } from '@airlock/web/views/time';
import { VerdictBanner } from '@airlock/web/views/verdict-banner';
import type { EnrolmentRow, RunnerSummary } from '../../app/runner-ports.ts';

/** A runner asks for work every few seconds; one that was silent for so long is not there. */
const silentMs = 60_000;

export function RunnerListPage({
  frame,
  runners,
  waiting,
  now,
}: {
  readonly frame: Frame;
  readonly runners: readonly RunnerSummary[];
  readonly waiting: readonly EnrolmentRow[];
  readonly now: Date;
}) {
  return (
    <Layout frame={frame} title="Runners">
      {waiting.length === 0 ? null : (
        <VerdictBanner
          kind="person"
          title={waiting.length === 1 ? 'A machine waits.' : `${waiting.length} machines wait.`}
          text={
            <>
              Somebody of the platform role compares the fingerprints{' '}
              <a href="/runners/new">and accepts</a>.
            </>
          }
        />
      )}
      <WithAside
        aside={
          <Card title="Add a runner" icon="container">
            <p>
              A token, a key that the machine makes by itself, and somebody who compares its
              fingerprint.
            </p>
            <Button kind="primary" href="/runners/new" block>
              Add a runner
            </Button>
            <p class="muted small">
              Who executes what stands in <a href="/pools">pools</a>.
            </p>
          </Card>
        }
      >
        <SectionHeading note={runners.length}>Registered</SectionHeading>
        <DataTable
          caption="Runners by pool and name"
          rows={runners}
          empty={
            <>
              No runner yet, so runs stay queued. <a href="/runners/new">Add one</a>: it is one
              command on its machine.
            </>
          }
          columns={[
            {
              label: 'Name',
              nowrap: true,
              cell: ({ id, kind }) => (
                <>
                  <a href={`/runners/${id}`}>{id}</a>
                  {kind === 'once' ? <div class="muted small">for one job</div> : null}
                </>
              ),
            },
            { label: 'Pool', cell: ({ pool }) => <a href={`/pools/${pool}`}>{pool}</a> },
            {
              label: 'State',
              wide: true,
              cell: (runner) => <RunnerState runner={runner} now={now} />,
            },
            {
              label: 'Seen',
              nowrap: true,
              cell: ({ lastSeenAt }) =>
                lastSeenAt === null ? 'never' : <Time at={lastSeenAt} now={now} />,
            },
            {
              label: 'Certificate ends',
              nowrap: true,
              cell: ({ certificate }) =>
                certificate === null ? 'none' : <Time at={certificate.notAfter} now={now} />,
            },
          ]}
        />
      </WithAside>
    </Layout>
  );
}

export function RunnerState({
  runner,
  now,
}: {
  readonly runner: RunnerSummary;
  readonly now: Date;
}) {
  const [tone, text] = stateWords(runner, now);
  return (
    <>
      <Status tone={tone}>{text}</Status>
      {runner.job === null ? null : (
        <div class="small">
          <a href={`/runs/${runner.job.runId}`}>{runner.job.runId}</a>
        </div>
      )}
      {runner.stateReason === null ? null : <div class="muted small">{runner.stateReason}</div>}
      {text === turnedAway ? <div class="muted small">{runner.misfit}</div> : null}
    </>
  );
}

const turnedAway = 'turned away';

function stateWords(runner: RunnerSummary, now: Date): readonly [Tone, string] {
  const { state, lastSeenAt, spentAt, job, misfit } = runner;
  if (state === 'quarantined') return ['bad', 'quarantined'];
  if (state === 'disabled') return ['plain', 'disabled'];
  if (job !== null) return ['busy', state === 'draining' ? 'ends its last job' : 'builds'];
  if (spentAt !== null) return ['plain', 'had its job'];
  if (state === 'draining') return ['wait', 'takes no new jobs'];
  if (lastSeenAt === null) return ['wait', 'has not called yet'];
  if (now.getTime() - lastSeenAt.getTime() > silentMs) return ['bad', 'silent'];
  return misfit === null ? ['good', 'idle'] : ['bad', turnedAway];
}
