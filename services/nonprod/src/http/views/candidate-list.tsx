import { Status } from '@airlock/web/views/badge';
import { DataTable } from '@airlock/web/views/data-table';
import { Digest } from '@airlock/web/views/code-block';
import { Layout, type Frame } from '@airlock/web/views/layout';
import { Time } from '@airlock/web/views/time';
import type { CandidateSummary, PageQueries } from '../../app/page-queries.ts';
import { fileSize, shortCommit } from './words.ts';

type LastMainRun = Awaited<ReturnType<PageQueries['lastMainRun']>>;

export function CandidateListPage({
  frame,
  candidates,
  lastMainRun,
  now,
}: {
  readonly frame: Frame;
  readonly candidates: readonly CandidateSummary[];
  readonly lastMainRun: LastMainRun;
  readonly now: Date;
}) {
  return (
    <Layout frame={frame} title="Candidates" live="/candidates/events">
      <p class="muted">Signed builds of main, newest first. Each can be asked for in production.</p>
      <DataTable
        caption="Candidates, newest first"
        rows={candidates}
        empty={<WhyEmpty lastMainRun={lastMainRun} />}
        columns={[
          {
            label: 'Release',
            nowrap: true,
            cell: (candidate) => (
              <>
                <a href={`/candidates/${candidate.id}`}>{candidate.release ?? candidate.id}</a>
                {candidate.taint === null ? null : (
                  <div>
                    <Status tone="bad">tainted</Status>
                  </div>
                )}
              </>
            ),
          },
          {
            label: 'Commit',
            wide: true,
            cell: (candidate) => (
              <>
                <code title={candidate.commit}>{shortCommit(candidate.commit)}</code>{' '}
                {candidate.subject}
              </>
            ),
          },
          { label: 'Author', nowrap: true, cell: (candidate) => candidate.authorName },
          {
            label: 'Artifact',
            cell: (candidate) => (
              <>
                {candidate.artifact.name}, {fileSize(candidate.artifact.size)}{' '}
                <Digest value={`sha256:${candidate.artifact.digest}`} />
              </>
            ),
          },
          {
            label: 'Signed',
            nowrap: true,
            cell: (candidate) => <Time at={candidate.createdAt} now={now} />,
          },
        ]}
      />
    </Layout>
  );
}

function WhyEmpty({ lastMainRun }: { readonly lastMainRun: LastMainRun }) {
  return (
    <p>
      Candidates come from main only.{' '}
      {lastMainRun === null ? (
        'Main has not been built yet.'
      ) : (
        <>
          The last run of main, <a href={`/runs/${lastMainRun.id}`}>#{lastMainRun.number}</a>,{' '}
          {lastMainRun.failedStep === null
            ? `is ${lastMainRun.state}.`
            : `failed at ${lastMainRun.failedStep}.`}
        </>
      )}
    </p>
  );
}
