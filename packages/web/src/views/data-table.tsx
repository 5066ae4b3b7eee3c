import type { ComponentChildren } from 'preact';
import { EmptyState } from './empty-state.tsx';

export interface Column<Row> {
  readonly label: string;
  cell(row: Row): ComponentChildren;
  /** `mono` for digests and paths, `number` for figures set to the right. */
  readonly kind?: 'mono' | 'number';
  /** Never broken over two lines. */
  readonly nowrap?: boolean;
  /** Takes the room that the others leave. */
  readonly wide?: boolean;
}

/** A table that scrolls inside itself on a narrow screen. The first column names the row. */
export function DataTable<Row>({
  caption,
  columns,
  rows,
  empty,
  rowId,
}: {
  /** Read out as the table's name; shown nowhere, since a heading stands above. */
  readonly caption: string;
  readonly columns: readonly Column<Row>[];
  readonly rows: readonly Row[];
  /** What stands in place of an empty table: why it is empty and what would fill it. */
  readonly empty: ComponentChildren;
  /** The id of a row's element, for links to it. */
  readonly rowId?: (row: Row) => string;
}) {
  if (rows.length === 0) return <EmptyState>{empty}</EmptyState>;
  return (
    <div class="table-scroll" role="region" aria-label={caption} tabIndex={0}>
      <table>
        <thead>
          <tr>
            {columns.map((column) => (
              <th key={column.label} scope="col" class={classOf(column)}>
                {column.label}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row, index) => (
            <tr key={index} {...(rowId === undefined ? {} : { id: rowId(row) })}>
              {columns.map((column, position) =>
                position === 0 ? (
                  <th key={column.label} scope="row" class={classOf(column)}>
                    {column.cell(row)}
                  </th>
                ) : (
                  <td key={column.label} class={classOf(column)}>
                    {column.cell(row)}
                  </td>
                ),
              )}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function classOf<Row>({ kind, nowrap, wide }: Column<Row>): string | undefined {
  const classes = [
    ...(kind === undefined ? [] : [`cell-${kind}`]),
    ...(nowrap === true ? ['cell-nowrap'] : []),
    ...(wide === true ? ['cell-wide'] : []),
  ];
  return classes.length === 0 ? undefined : classes.join(' ');
}
