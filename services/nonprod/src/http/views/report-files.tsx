import { SectionHeading } from '@airlock/web/views/card';
import { DataTable } from '@airlock/web/views/data-table';
import type { ReportFile } from '../../app/report-ports.ts';
import { fileSize } from './words.ts';

/** Where the figures of a page come from; nothing for a run without such a file. */
export function ReportFiles({
  files,
  kind,
}: {
  readonly files: readonly ReportFile[];
  readonly kind: ReportFile['kind'];
}) {
  const own = files.filter((file) => file.kind === kind);
  if (own.length === 0) return null;
  return (
    <>
      <SectionHeading note={`${own.length}`}>Files</SectionHeading>
      <DataTable
        caption="Report files"
        rows={own}
        stacked
        empty=""
        columns={[
          { label: 'File', kind: 'mono', wide: true, cell: ({ path }) => path },
          { label: 'Workflow', nowrap: true, cell: ({ workflow }) => workflow },
          { label: 'Size', nowrap: true, kind: 'number', cell: ({ size }) => fileSize(size) },
          { label: 'Read', cell: readingOf },
        ]}
      />
    </>
  );
}

function readingOf({ fault, leftOut }: ReportFile): string {
  if (fault !== null) return `cannot be read: ${fault}`;
  return leftOut === 0 ? 'whole' : `without its last ${leftOut} entries, which are too many`;
}
