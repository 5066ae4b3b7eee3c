/** `airlock audit acts`: what people changed, or tried to, at nonprod. */
import { Option, type Command } from 'commander';
import { z } from 'zod';
import { nonprodSession } from '../nonprod-session.ts';
import { safe, toStdout, type Print } from '../print.ts';

const Acts = z.object({
  acts: z.array(
    z.looseObject({
      id: z.string(),
      at: z.string(),
      person: z.string(),
      deed: z.string(),
      path: z.string(),
      object: z.string().nullable(),
      address: z.string(),
      token: z.string().nullable(),
      end: z.enum(['done', 'refused', 'failed', 'open']),
      code: z.string().nullable(),
    }),
  ),
  before: z.string().nullable(),
});

type Options = {
  readonly person?: string;
  readonly object?: string;
  readonly day?: string;
  readonly before?: string;
  readonly output: 'table' | 'json';
  readonly as: string;
};

export function registerAuditActs(audit: Command, print: Print = toStdout): void {
  audit
    .command('acts')
    .description(
      'what people changed at nonprod, or tried to, the newest first; for the platform role',
    )
    .option('--person <id>', 'of this person alone, by the whole name id')
    .option('--object <text>', 'about a repository, a secret’s name, an id')
    .option('--day <day>', 'of one day in UTC, such as 2026-11-22')
    .option('--before <id>', 'only what came earlier than this act')
    .addOption(new Option('--as <person>', 'whose eyes, in the demo').default('oke'))
    .addOption(
      new Option('-o, --output <format>', 'table or json')
        .choices(['table', 'json'])
        .default('table'),
    )
    .action(async ({ as, output, ...filter }: Options) => {
      const session = await nonprodSession(as);
      const found = Acts.parse(await session.getJson(`/api/v1/audit?${queryOf(filter)}`));
      print(output === 'json' ? [JSON.stringify(found, null, 2)] : linesOf(found));
    });
}

function queryOf(filter: Readonly<Record<string, string | undefined>>): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(filter)) {
    if (value !== undefined) query.set(name, value);
  }
  return query.toString();
}

function linesOf({ acts, before }: z.infer<typeof Acts>): string[] {
  if (acts.length === 0) return ['nothing of this kind was done'];
  return [
    ...acts.map(({ at, person, deed, object, path, end, code, token, address }) =>
      safe(
        `${at}  ${end.padEnd(7)}  ${person}  ${deed}  ${object ?? '-'}  ${path}  ${token ?? 'browser'} from ${address}  ${code ?? ''}`,
      ).trimEnd(),
    ),
    ...(before === null ? [] : [`earlier ones: --before ${before}`]),
  ];
}
