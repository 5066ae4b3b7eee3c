import { Status, type Tone } from '@airlock/web/views/badge';
import { SectionHeading } from '@airlock/web/views/card';
import { DataTable } from '@airlock/web/views/data-table';
import { Layout, type Frame } from '@airlock/web/views/layout';
import type { Component } from '@airlock/reports/cyclonedx';
import type { Finding } from '@airlock/reports/sarif';
import type { RunDetails } from '../../app/page-queries.ts';
import type { Coverage, CoverageOfRun, Listed, ReportFile } from '../../app/report-ports.ts';
import { ReportFiles } from './report-files.tsx';

export function FindingsPage({
  frame,
  run,
  files,
  findings,
  coverage,
  components,
}: {
  readonly frame: Frame;
  readonly run: RunDetails;
  readonly files: readonly ReportFile[];
  readonly findings: Listed<Finding>;
  readonly coverage: CoverageOfRun | null;
  readonly components: Listed<Component>;
}) {
  return (
    <Layout
      frame={frame}
      title={`Findings of #${run.number}`}
      breadcrumbs={[
        { label: 'Runs', href: '/' },
        { label: `#${run.number}`, href: `/runs/${run.id}` },
        { label: 'Findings' },
      ]}
    >
      <SectionHeading note={countOf(findings)}>Findings</SectionHeading>
      <Findings findings={findings} />
      <SectionHeading note={coverage === null ? undefined : percentOf(coverage)} id="coverage">
        Coverage
      </SectionHeading>
      {coverage === null ? null : <p>{besideMain(coverage)}</p>}
      <Files coverage={coverage} />
      <SectionHeading note={countOf(components)} id="components">
        Components
      </SectionHeading>
      <Components components={components} />
      <ReportFiles files={files.filter(({ kind }) => kind !== 'junit')} />
    </Layout>
  );
}

const tones: Readonly<Record<Finding['level'], Tone>> = {
  error: 'bad',
  warning: 'wait',
  note: 'plain',
};

function Findings({ findings }: { readonly findings: Listed<Finding> }) {
  return (
    <DataTable
      caption="Findings, errors first"
      rows={findings.entries}
      stacked
      empty={hint('a scanner', 'wrote findings', 'sarif: out/*.sarif')}
      columns={[
        {
          label: 'Place',
          kind: 'mono',
          cell: ({ path, line }) => (path === null ? 'no place' : `${path}${lineText(line)}`),
        },
        {
          label: 'Level',
          nowrap: true,
          cell: ({ level }) => <Status tone={tones[level]}>{level}</Status>,
        },
        { label: 'Finding', wide: true, cell: ({ message }) => message },
        {
          label: 'Rule',
          nowrap: true,
          cell: ({ tool, rule }) => [tool, rule].filter((word) => word !== '').join(' '),
        },
      ]}
    />
  );
}

function Files({ coverage }: { readonly coverage: CoverageOfRun | null }) {
  return (
    <DataTable
      caption="Coverage by file, most uncovered lines first"
      rows={coverage?.files ?? []}
      stacked
      empty={hint('tests', 'wrote coverage', 'coverage: coverage/lcov.info')}
      columns={[
        { label: 'File', kind: 'mono', wide: true, cell: ({ path }) => path },
        {
          label: 'Not covered',
          kind: 'number',
          nowrap: true,
          cell: ({ lines, covered }) => `${lines - covered} of ${lines}`,
        },
        { label: 'Covered', kind: 'number', nowrap: true, cell: (file) => percentOf(file) },
      ]}
    />
  );
}

function Components({ components }: { readonly components: Listed<Component> }) {
  return (
    <DataTable
      caption="Components by name"
      rows={components.entries}
      stacked
      empty={hint('a package manager', 'wrote a bill of materials', 'sbom: out/bom.cdx.json')}
      columns={[
        { label: 'Component', wide: true, cell: ({ name }) => name },
        { label: 'Version', kind: 'mono', cell: ({ version }) => version ?? '' },
        { label: 'Licence', cell: ({ licences }) => licences.join(', ') },
        { label: 'Kind', nowrap: true, cell: ({ type }) => type },
      ]}
    />
  );
}

function hint(who: string, what: string, line: string) {
  return (
    <>
      No step of this run in which {who} {what} has said so:{' '}
      <code>{`backend_options: { airlock: { reports: { ${line} } } }`}</code>
    </>
  );
}

function countOf({ total, entries }: Listed<unknown>): string {
  return entries.length < total ? `the first ${entries.length} of ${total}` : `${total}`;
}

function lineText(line: number | null): string {
  return line === null ? '' : `:${line}`;
}

function shareOf({ lines, covered }: Coverage): number {
  return lines === 0 ? 100 : (covered / lines) * 100;
}

function percentOf(coverage: Coverage): string {
  return `${shareOf(coverage).toFixed(1)} %`;
}

function besideMain(coverage: CoverageOfRun) {
  const { lines, covered, main } = coverage;
  const own = `${covered} of ${lines} lines.`;
  if (main === null) return `${own} No run of main before this one told its coverage.`;
  const points = shareOf(coverage) - shareOf(main);
  const change =
    Math.abs(points) < 0.05
      ? 'as much as'
      : `${Math.abs(points).toFixed(1)} points ${points > 0 ? 'more' : 'less'} than`;
  return (
    <>
      {own} That is {change} <a href={`/runs/${main.runId}`}>#{main.number}</a> of main.
    </>
  );
}
