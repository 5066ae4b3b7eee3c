/** Histograms of what is written down in a database, in the text that Prometheus reads: nothing is observed while it happens. */
export interface HistogramFigure {
  readonly name: `airlock_${string}_seconds`;
  readonly help: string;
  readonly type: 'histogram';
  readonly rows: readonly HistogramRow[];
}

interface HistogramRow {
  readonly labels: Readonly<Record<string, string>>;
  /** How many took at most so many seconds, for each bound, the shortest first. */
  readonly atMost: readonly number[];
  readonly count: number;
  readonly sumSeconds: number;
}

/** Upper bounds in seconds: from a job that is taken at once to a decision that took a week. */
export const histogramBounds: readonly number[] = [
  1, 5, 15, 60, 300, 900, 3_600, 14_400, 86_400, 604_800,
];

/**
 * Adds up what a query counted.
 *
 * @param counted `bucket` is how many bounds lie below the values, so that the last one has no bound; labels in one order.
 */
export function histogramRows(
  counted: readonly {
    readonly labels: Readonly<Record<string, string>>;
    readonly bucket: number;
    readonly number: number;
    readonly seconds: number;
  }[],
): HistogramRow[] {
  const byLabels = Map.groupBy(counted, ({ labels }) => JSON.stringify(labels));
  return [...byLabels.values()].map((rows) => {
    const sum = (of: readonly { number: number }[]): number =>
      of.reduce((total, { number }) => total + number, 0);
    return {
      labels: rows[0]?.labels ?? {},
      atMost: histogramBounds.map((_, index) => sum(rows.filter(({ bucket }) => bucket <= index))),
      count: sum(rows),
      sumSeconds: rows.reduce((total, { seconds }) => total + seconds, 0),
    };
  });
}

const escaped = (text: string): string =>
  text.replace(/[\\"]/g, String.raw`\$&`).replaceAll('\n', String.raw`\n`);

const line = (name: string, labels: Readonly<Record<string, string>>, value: number): string => {
  const told = Object.entries(labels).map(([label, text]) => `${label}="${escaped(text)}"`);
  return `${name}${told.length === 0 ? '' : `{${told.join(',')}}`} ${value}\n`;
};

/** With the closing line break. */
export function histogramText({ name, help, rows }: HistogramFigure): string {
  const lines = rows.flatMap(({ labels, atMost, count, sumSeconds }) => [
    ...histogramBounds.map((bound, index) =>
      line(`${name}_bucket`, { ...labels, le: String(bound) }, atMost[index] ?? 0),
    ),
    line(`${name}_bucket`, { ...labels, le: '+Inf' }, count),
    line(`${name}_sum`, labels, sumSeconds),
    line(`${name}_count`, labels, count),
  ]);
  return `# HELP ${name} ${help}\n# TYPE ${name} histogram\n${lines.join('')}`;
}
