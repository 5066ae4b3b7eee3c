import { Badge, Status, type Tone } from '@airlock/web/views/badge';
import { SectionHeading } from '@airlock/web/views/card';
import { DataTable } from '@airlock/web/views/data-table';
import { Layout, type Frame } from '@airlock/web/views/layout';
import { VerdictBanner } from '@airlock/web/views/verdict-banner';
import type { RunDetails } from '../../app/page-queries.ts';
import type { ReportFile, TestRow, TestsOfRun } from '../../app/report-ports.ts';
import { ReportFiles } from './report-files.tsx';

const starter = 'backend_options: { airlock: { reports: { junit: build/test-results/*.xml } } }';

export function TestsPage({
  frame,
  run,
  files,
  found,
}: {
  readonly frame: Frame;
  readonly run: RunDetails;
  readonly files: readonly ReportFile[];
  readonly found: TestsOfRun;
}) {
  const all = found.passed + found.failed + found.skipped;
  const shown = found.tests.length;
  return (
    <Layout
      frame={frame}
      title={`Tests of #${run.number}`}
      breadcrumbs={[
        { label: 'Runs', href: '/' },
        { label: `#${run.number}`, href: `/runs/${run.id}` },
        { label: 'Tests' },
      ]}
    >
      {all === 0 ? null : <Verdict found={found} all={all} />}
      <SectionHeading note={shown < all ? `the first ${shown} of ${all}` : `${all}`}>
        Tests
      </SectionHeading>
      <DataTable
        caption="Tests, failed ones first"
        rows={found.tests}
        stacked
        empty={
          <>
            No step of this run wrote a JUnit report that could be read. A step that writes one says
            so: <code>{starter}</code>
          </>
        }
        columns={[
          { label: 'Test', wide: true, cell: (test) => <TestCell test={test} /> },
          {
            label: 'Outcome',
            nowrap: true,
            cell: (test) => (
              <>
                <Status tone={tones[test.outcome]}>{test.outcome}</Status>{' '}
                {test.isFlaky ? <Badge tone="wait">flaky</Badge> : null}
              </>
            ),
          },
          {
            label: 'Took',
            nowrap: true,
            kind: 'number',
            cell: ({ seconds }) => (seconds === null ? '' : `${seconds.toFixed(2)} s`),
          },
        ]}
      />
      <ReportFiles files={files.filter(({ kind }) => kind === 'junit')} />
    </Layout>
  );
}

const tones: Readonly<Record<TestRow['outcome'], Tone>> = {
  passed: 'good',
  failed: 'bad',
  skipped: 'plain',
};

function Verdict({ found, all }: { readonly found: TestsOfRun; readonly all: number }) {
  const { passed, failed, skipped, flaky } = found;
  const others = [
    `${passed} passed`,
    ...(skipped === 0 ? [] : [`${skipped} skipped`]),
    ...(flaky === 0 ? [] : [`${flaky} flaky (passed and failed at this same commit)`]),
  ];
  return failed === 0 ? (
    <VerdictBanner
      kind="none"
      title={`No test of ${all} failed.`}
      text={`${others.join(', ')}. This is what the tests wrote of themselves.`}
    />
  ) : (
    <VerdictBanner
      kind="fix"
      title={`${failed} of ${all} failed.`}
      text={`${others.join(', ')}.`}
    />
  );
}

function TestCell({ test }: { readonly test: TestRow }) {
  const place =
    test.path === null ? null : `${test.path}${test.line === null ? '' : `:${test.line}`}`;
  const within = [test.workflow, test.suite, test.group].filter((word) => word !== '');
  return (
    <>
      <div>{test.name}</div>
      <div class="muted">
        {[...new Set(within)].join(' › ')}
        {place === null ? null : <code> {place}</code>}
      </div>
      {test.message === null ? null : (
        <details open={test.outcome === 'failed'}>
          <summary>{test.outcome === 'failed' ? 'Why' : 'Note'}</summary>
          <pre class="code-block">{test.message}</pre>
        </details>
      )}
    </>
  );
}
