/** `airlock blast-radius`: every release that rests on something that turned out to be bad, asked of the gate. */
import { InvalidArgumentError, Option, type Command } from 'commander';
import { z } from 'zod';
import { CliError, exitCode } from '../exit-codes.ts';
import { safe, toStdout, type Print } from '../print.ts';
import { signIn } from '../release-commands.ts';

const kinds = [
  ['key', 'id of a signing key'],
  ['builder', 'id of a builder'],
  ['runner', 'name of a runner, as its builder claims it'],
  ['image', 'SHA-256 of what the steps of a runner saw'],
  ['commit', 'full id of a commit'],
  ['artifact', 'SHA-256 of an artifact'],
  ['package', 'purl such as pkg:npm/left-pad@1.3.0, or without its version'],
  ['person', 'id in the roster'],
] as const;

const BlastRadius = z.looseObject({
  matter: z.string(),
  since: z.string().nullable(),
  until: z.string().nullable(),
  doubt: z.string().nullable(),
  keys: z.array(z.string()),
  hasMore: z.boolean(),
  quarantines: z.array(z.looseObject({ stop: z.string() })),
  touched: z.array(
    z.looseObject({
      promotion: z.string(),
      target: z.string(),
      release: z.string(),
      state: z.string(),
      admittedAt: z.string(),
      live: z.boolean(),
      why: z.array(z.object({ basis: z.string(), text: z.string() })),
      heldBy: z.array(z.string()),
      adviceText: z.string(),
    }),
  ),
});
export type BlastRadiusAnswer = z.infer<typeof BlastRadius>;

type Options = {
  since?: string;
  until?: string;
  as: string;
  output: 'table' | 'json';
} & Partial<Record<(typeof kinds)[number][0], string>>;

export function registerBlastRadius(program: Command, print: Print = toStdout): void {
  const command = program
    .command('blast-radius')
    .description(
      'every release that rests on a key, runner, commit, package, person; exit 5 while one is live',
    );
  for (const [kind, what] of kinds) command.option(`--${kind} <${kind}>`, what);
  command
    .option('--since <time>', 'taken in since then: 48h, 14d or a moment in UTC', moment)
    .option('--until <time>', 'in the same form', moment)
    .addOption(
      new Option('--as <person>', 'whose eyes, in the demo: dana, leo, mira, oke or aud').default(
        'mira',
      ),
    )
    .addOption(
      new Option('-o, --output <format>', 'table or json')
        .choices(['table', 'json'])
        .default('table'),
    )
    .action(async (options: Options) => {
      const path = blastRadiusPath(options);
      const answer = BlastRadius.parse(await (await signIn(options.as)).getJson(path));
      print(
        options.output === 'json' ? [JSON.stringify(answer, null, 2)] : blastRadiusLines(answer),
      );
      if (answer.touched.some(({ live }) => live)) process.exitCode = exitCode.failedCheck;
    });
}

const Stops = z.object({
  stops: z.array(
    z.looseObject({
      ...{ id: z.string(), kind: z.string(), person: z.string(), reason: z.string().nullable() },
      ...{ matter: z.string().nullable(), since: z.string().nullable() },
    }),
  ),
});

export function registerTaint(program: Command, print: Print = toStdout): void {
  program
    .command('taint')
    .description('what is in quarantine at the gate')
    .command('show')
    .description(
      'each quarantine in force with every release that rests on it; exit 5 while one is live',
    )
    .addOption(
      new Option('--as <person>', 'whose eyes, in the demo: dana, leo, mira, oke or aud').default(
        'mira',
      ),
    )
    .action(async ({ as }: { as: string }) => {
      const session = await signIn(as);
      const { stops } = Stops.parse(await session.getJson('/api/v1/stops'));
      const held = stops.flatMap(({ matter, kind, ...stop }) =>
        matter === null || kind === 'revoke-leases' ? [] : [{ ...stop, matter }],
      );
      if (held.length === 0) print(['nothing is in quarantine']);
      for (const { id, matter, since, person, reason } of held) {
        const query = new URLSearchParams({ matter, ...(since === null ? {} : { since }) });
        const answer = BlastRadius.parse(
          await session.getJson(`/api/v1/blast-radius?${query.toString()}`),
        );
        print([
          safe(`${id}  by ${person}${reason === null ? '' : `: ${reason}`}`),
          ...blastRadiusLines(answer),
        ]);
        if (answer.touched.some(({ live }) => live)) process.exitCode = exitCode.failedCheck;
      }
    });
}

/** @throws CliError `usage` unless exactly one thing is asked for. */
export function blastRadiusPath(options: Partial<Options>): string {
  const asked = kinds.flatMap(([kind]) => {
    const value = options[kind];
    return value === undefined ? [] : [`${kind}:${value}`];
  });
  const [matter] = asked;
  if (matter === undefined || asked.length !== 1) {
    throw new CliError(
      exitCode.usage,
      `name exactly one of ${kinds.map(([kind]) => `--${kind}`).join(', ')}`,
    );
  }
  const query = new URLSearchParams({ matter });
  if (options.since !== undefined) query.set('since', options.since);
  if (options.until !== undefined) query.set('until', options.until);
  return `/api/v1/blast-radius?${query.toString()}`;
}

const basisWords: Readonly<Record<string, string>> = {
  claimed: ' (claimed by the builder)',
  'not-said': ' (cannot be ruled out)',
};

export function blastRadiusLines(answer: BlastRadiusAnswer): string[] {
  const { matter, since, touched, hasMore, doubt, keys, quarantines } = answer;
  const live = touched.filter((one) => one.live).length;
  const lines = [
    `${matter}: ${touched.length} release(s), ${live} live${since === null ? '' : `, taken in since ${since}`}`,
    ...touched.flatMap((one) => [
      `${one.live ? 'LIVE ' : ''}${one.target}  ${one.release}  ${one.promotion}  ${one.state}  taken in ${one.admittedAt}`,
      ...one.why.map(({ basis, text }) => `    ${text}${basisWords[basis] ?? ''}`),
      `    → ${one.adviceText}${one.heldBy.length === 0 ? '' : ` (${one.heldBy.join(', ')})`}`,
    ]),
    ...(hasMore ? ['Older ones that are neither live nor open are left out; ask for less.'] : []),
    ...(quarantines.length === 0
      ? []
      : [`In quarantine: ${quarantines.map(({ stop }) => stop).join(', ')}`]),
    ...(doubt === null || touched.length === 0
      ? []
      : [doubt, ...keys.map((key) => `    airlock blast-radius --key ${key}`)]),
  ];
  return lines.map(safe);
}

function moment(text: string): string {
  if (!/^(?:[1-9]\d{0,5}[smhd]|\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d+)?Z)$/.test(text)) {
    throw new InvalidArgumentError('expected 48h, 14d or a moment such as 2026-11-22T10:00:00Z');
  }
  return text;
}
