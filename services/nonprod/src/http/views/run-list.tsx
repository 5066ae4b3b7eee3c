import { Status } from '@airlock/web/views/badge';
import { CodeBlock } from '@airlock/web/views/code-block';
import { DataTable } from '@airlock/web/views/data-table';
import { EmptyState } from '@airlock/web/views/empty-state';
import { Layout, type Frame } from '@airlock/web/views/layout';
import { Time } from '@airlock/web/views/time';
import type { RunSummary } from '../../app/page-queries.ts';
import { duration, runTone, shortCommit, sourceOf } from './words.ts';

const starter = `steps:
  - name: test
    image: node:24
    commands:
      - npm ci
      - npm test
`;

export function RunListPage({
  frame,
  runs,
  now,
}: {
  readonly frame: Frame;
  readonly runs: readonly RunSummary[];
  readonly now: Date;
}) {
  return (
    <Layout frame={frame} title="Runs" live="/events">
      {runs.length === 0 ? (
        <EmptyState title="No runs yet.">
          <p>
            Push a branch with a file <code>.woodpecker.yaml</code>; here is a start:
          </p>
          <CodeBlock label="A first pipeline file">{starter}</CodeBlock>
        </EmptyState>
      ) : (
        <DataTable
          caption="Runs, newest first"
          rows={runs}
          empty=""
          rowId={(run) => run.id}
          columns={[
            {
              label: 'Run',
              nowrap: true,
              cell: (run) => <a href={`/runs/${run.id}`}>#{run.number}</a>,
            },
            {
              label: 'State',
              nowrap: true,
              cell: (run) => (
                <>
                  <Status tone={runTone(run.state)}>{run.state}</Status>
                  {run.mark === null ? null : (
                    <div>
                      <Status tone={run.mark === 'suspicious' ? 'bad' : 'wait'}>{run.mark}</Status>
                    </div>
                  )}
                </>
              ),
            },
            { label: 'Source', nowrap: true, cell: (run) => sourceOf(run) },
            { label: 'Commit', wide: true, cell: (run) => <CommitCell run={run} /> },
            { label: 'Author', nowrap: true, cell: (run) => run.authorName },
            { label: 'Asked', nowrap: true, cell: (run) => <Time at={run.createdAt} now={now} /> },
            {
              label: 'Took',
              nowrap: true,
              kind: 'number',
              cell: (run) => duration(run.startedAt, run.finishedAt),
            },
          ]}
        />
      )}
    </Layout>
  );
}

function CommitCell({ run }: { readonly run: RunSummary }) {
  return (
    <>
      <code title={run.commit}>{shortCommit(run.commit)}</code> {run.subject}
    </>
  );
}
