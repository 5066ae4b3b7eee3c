import { SectionHeading } from '@airlock/web/views/card';
import { DataTable } from '@airlock/web/views/data-table';
import type { ReportFile } from '../../app/report-ports.ts';
import { fileSize } from './words.ts';

/** Where the figures of a page come from; nothing for a run without such a file. */
export function ReportFiles({ files }: { readonly files: readonly ReportFile[] }) {
  if (files.length === 0) return null;
  return (
    <>
      <SectionHeading note={`${files.length}`}>Files</SectionHeading>
      <DataTable
        caption="Report files"
        rows={files}
        stacked
        empty=""
        columns={[
          { label: 'File', kind: 'mono', cell: ({ path }) => path },
          { label: 'Kind', nowrap: true, cell: ({ kind }) => kind },
          { label: 'Workflow', nowrap: true, cell: ({ workflow }) => workflow },
          { label: 'Size', nowrap: true, kind: 'number', cell: ({ size }) => fileSize(size) },
          { label: 'Read', wide: true, cell: readingOf },
        ]}
      />
    </>
  );
}

function readingOf({ fault, leftOut }: ReportFile): string {
  if (fault !== null) return `cannot be read: ${fault}`;
  return leftOut === 0 ? 'whole' : `without its last ${leftOut} entries, which are too many`;
}
