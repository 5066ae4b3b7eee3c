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

/**
 * A table. On a narrow screen it scrolls inside itself or, when `stacked`, shows each row as a block with its labels, so that
 * nothing is out of sight. The first column names the row.
 */
export function DataTable<Row>({
  caption,
  columns,
  rows,
  empty,
  rowId,
  stacked = false,
}: {
  /** Read out as the table's name; shown nowhere, since a heading stands above. */
  readonly caption: string;
  readonly columns: readonly Column<Row>[];
  readonly rows: readonly Row[];
  /** What stands in place of an empty table: why it is empty and what would fill it. */
  readonly empty: ComponentChildren;
  /** The id of a row's element, for links to it. */
  readonly rowId?: (row: Row) => string;
  readonly stacked?: boolean;
}) {
  if (rows.length === 0) return <EmptyState>{empty}</EmptyState>;
  // Once for each column and not for each cell: a release’s tables have hundreds of rows.
  const cells = columns.map((column, position) => ({
    cell: (row: Row) => column.cell(row),
    attributes: {
      ...(position === 0 ? { scope: 'row' as const } : {}),
      class: classOf(column),
      ...(stacked
        ? position === 0
          ? { role: 'rowheader' as const }
          : { role: 'cell' as const, 'data-label': column.label }
        : {}),
    },
  }));
  return (
    <div class="table-scroll" role="region" aria-label={caption} tabIndex={0}>
      {/* As blocks the elements lose their roles, so they are said. */}
      <table {...(stacked ? { class: 'table-stacked', role: 'table' } : {})}>
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
            <tr
              key={index}
              {...(stacked ? { role: 'row' } : {})}
              {...(rowId === undefined ? {} : { id: rowId(row) })}
            >
              {cells.map(({ cell, attributes }, position) =>
                position === 0 ? (
                  <th key={position} {...attributes}>
                    {cell(row)}
                  </th>
                ) : (
                  <td key={position} {...attributes}>
                    {cell(row)}
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
