/** `airlock usage`: who used how much of nonprod's machines and store. */
import { Option, type Command } from 'commander';
import { z } from 'zod';
import { nonprodSession } from '../nonprod-session.ts';
import { safe, toStdout, type Print } from '../print.ts';

const Row = z.looseObject({ key: z.string(), builds: z.int(), seconds: z.int() });
const Usage = z.looseObject({
  since: z.string(),
  until: z.string(),
  total: z.looseObject({ builds: z.int(), seconds: z.int() }),
  repositories: z.array(
    Row.extend({
      groups: z.array(z.string()),
      stored: z.object({ artifacts: z.int(), logs: z.int(), caches: z.int() }),
    }),
  ),
  people: z.array(Row),
  groups: z.array(Row),
  pools: z.array(Row),
  days: z.array(Row),
});
type Usage = z.infer<typeof Usage>;

const parts = {
  repository: 'repositories',
  person: 'people',
  group: 'groups',
  pool: 'pools',
  day: 'days',
} as const;
type Part = keyof typeof parts;

type Options = {
  readonly by: Part;
  readonly since?: string;
  readonly until?: string;
  readonly repository?: string;
  readonly person?: string;
  readonly group?: string;
  readonly output: 'table' | 'csv' | 'json';
  readonly as: string;
};

export function registerUsage(program: Command, print: Print = toStdout): void {
  program
    .command('usage')
    .description('who used how much at nonprod: builds, seconds that runners were busy, bytes kept')
    .addOption(
      new Option('--by <part>', 'one line for each')
        .choices(Object.keys(parts))
        .default('repository'),
    )
    .option('--since <day>', 'in UTC, such as 2026-11-22; left out: 30 days')
    .option('--until <day>', 'the last day that counts; left out: today')
    .option('--repository <name>', 'of this one alone')
    .option('--group <name>', 'of the repositories that this group owns')
    .option('--person <id>', 'of this person alone, by the whole name id')
    .addOption(new Option('--as <person>', 'whose eyes, in the demo').default('dana'))
    .addOption(
      new Option('-o, --output <format>', 'table, csv or json')
        .choices(['table', 'csv', 'json'])
        .default('table'),
    )
    .action(async ({ as, output, by, ...filter }: Options) => {
      const query = new URLSearchParams(Object.entries(filter));
      const session = await nonprodSession(as);
      const usage = Usage.parse(await session.getJson(`/api/v1/usage?${query.toString()}`));
      print(linesOf(usage, by, output));
    });
}

function linesOf(usage: Usage, by: Part, output: Options['output']): string[] {
  if (output === 'json') return [JSON.stringify(usage, null, 2)];
  const [head, ...rows] = cellsOf(usage, by);
  if (head === undefined) return [];
  if (output === 'csv') return [head, ...rows].map((cells) => cells.map(csvCell).join(','));
  const { since, until, total } = usage;
  return [
    ...aligned([head, ...rows]),
    `${since} to ${until} (UTC): ${total.builds} builds, ${total.seconds} seconds`,
  ];
}

/** The first row is the head. What is nobody's has an empty name. */
function cellsOf(usage: Usage, by: Part): string[][] {
  if (by !== 'repository') {
    return [
      [by, 'builds', 'seconds'],
      ...usage[parts[by]].map(({ key, builds, seconds }) => [key, String(builds), String(seconds)]),
    ];
  }
  return [
    ['repository', 'groups', 'builds', 'seconds', 'artifact_bytes', 'log_bytes', 'cache_bytes'],
    ...usage.repositories.map(({ key, groups, builds, seconds, stored }) => [
      ...[key, groups.join(' '), String(builds), String(seconds)],
      ...[stored.artifacts, stored.logs, stored.caches].map(String),
    ]),
  ];
}

/** RFC 4180; what a spreadsheet would take for a formula becomes text. */
export function csvCell(text: string): string {
  const plain = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(plain) ? `"${plain.replaceAll('"', '""')}"` : plain;
}

function aligned(rows: readonly (readonly string[])[]): string[] {
  const shown = rows.map((cells) => cells.map((cell) => (cell === '' ? '-' : safe(cell))));
  const widths = (shown[0] ?? []).map((_, column) =>
    Math.max(...shown.map((cells) => cells[column]?.length ?? 0)),
  );
  return shown.map((cells) =>
    cells
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}
