/** `airlock runner`: who executes builds. Tokens, acceptance, and what is done with one that is not trusted any more. */
import { InvalidArgumentError, Option, type Command } from 'commander';
import { z } from 'zod';
import { nonprodSession } from '../nonprod-session.ts';
import { safe, toStdout, type Print } from '../print.ts';
import type { WebSession } from '../web-session.ts';

type As = { readonly as: string };

const Runner = z.looseObject({
  id: z.string(),
  pool: z.string(),
  kind: z.string(),
  state: z.string(),
  stateReason: z.string().nullable(),
  lastSeenAt: z.string().nullable(),
  certificate: z.looseObject({ serial: z.string(), notAfter: z.string() }).nullable(),
  job: z.looseObject({ id: z.string(), runId: z.string() }).nullable(),
  networks: z.array(z.string()),
});
const Shown = Runner.extend({
  enrolledAt: z.string(),
  claimed: z.looseObject({
    version: z.string().nullable(),
    isolation: z.string().nullable(),
    platform: z.string().nullable(),
  }),
  runs: z.array(
    z.looseObject({
      id: z.string(),
      subject: z.string(),
      tainted: z.boolean(),
      candidate: z.string().nullable(),
    }),
  ),
  events: z.array(
    z.looseObject({ at: z.string(), text: z.string(), person: z.string().nullable() }),
  ),
});
const Token = z.object({
  token: z.string(),
  url: z.string(),
  runner: z.string(),
  pool: z.string(),
  kind: z.string(),
  expiresAt: z.string(),
});
const Waiting = z.object({
  enrolments: z.array(
    z.looseObject({
      id: z.string(),
      runner: z.string(),
      pool: z.string(),
      keyFingerprint: z.string(),
      address: z.string(),
      networks: z.array(z.string()),
    }),
  ),
});
const Quarantined = z.object({
  jobs: z.number(),
  runs: z.number(),
  tainted: z.array(z.looseObject({ id: z.string(), candidate: z.string().nullable() })),
});

export function registerRunner(
  program: Command,
  print: Print = toStdout,
  note: (text: string) => void = (text) => process.stderr.write(`${text}\n`),
): void {
  const runner = program
    .command('runner')
    .description('who executes builds: bring in, hold back, take out');
  const as = (): Option =>
    new Option('--as <person>', 'whose hands, in the demo; the platform role changes').default(
      'oke',
    );
  const output = (): Option =>
    new Option('-o, --output <format>', 'table or json')
      .choices(['table', 'json'])
      .default('table');
  const json = (answer: unknown): void => {
    print([JSON.stringify(answer, null, 2)]);
  };

  runner
    .command('list')
    .description('every runner that is registered')
    .addOption(as())
    .addOption(output())
    .action(async (options: As & { output: string }) => {
      const answer = await (await signIn(options)).getJson('/api/v1/runners');
      if (options.output === 'json') {
        json(answer);
        return;
      }
      const { runners } = z.object({ runners: z.array(Runner) }).parse(answer);
      print(runners.length === 0 ? ['no runner yet: airlock runner token'] : runners.map(line));
    });

  runner
    .command('show')
    .argument('<runner>', 'its name')
    .description('its certificate, what it built last, and what happened to it')
    .addOption(as())
    .addOption(output())
    .action(async (id: string, options: As & { output: string }) => {
      const answer = await (await signIn(options)).getJson(path(id));
      if (options.output === 'json') json(answer);
      else print(shownLines(Shown.parse(answer)));
    });

  runner
    .command('token')
    .description('prints a token by which one machine becomes a runner, once and within 15 minutes')
    .requiredOption('--pool <pool>', 'whose jobs it will take')
    .option('--name <runner>', 'a registered name enrols that runner anew; default a new one')
    .option('--once', 'registered for one job alone')
    .option(
      '--network <cidr...>',
      'from where alone it may speak, such as 10.1.0.0/16; default anywhere',
    )
    .addOption(as())
    .action(
      async (options: As & { pool: string; name?: string; once?: true; network?: string[] }) => {
        const { pool, name = null, once = false, network: networks = [] } = options;
        const session = await signIn(options);
        const body = { pool, runner: name, once, networks };
        const made = Token.parse(await session.postJson('/api/v1/runners/tokens', body));
        print([made.token]);
        note(
          `${made.runner}, pool ${made.pool}, ${made.kind === 'once' ? 'one job' : 'lasting'}, until ${made.expiresAt}\nOn its machine: airlock-runner join ${made.url} --token-file FILE`,
        );
      },
    );

  runner
    .command('waiting')
    .description('machines that showed a token and wait to be accepted')
    .addOption(as())
    .action(async (options: As) => {
      const session = await signIn(options);
      const { enrolments } = Waiting.parse(await session.getJson('/api/v1/runners/enrolments'));
      print(
        enrolments.length === 0
          ? ['nothing waits']
          : enrolments.map((each) =>
              safe(
                `${each.id}  ${each.runner}  pool ${each.pool}  from ${each.address}  may speak from ${placesOf(each.networks)}  key ${each.keyFingerprint}`,
              ),
            ),
      );
    });

  for (const [verb, done] of [
    ['accept', 'accepted'],
    ['refuse', 'refused'],
  ] as const) {
    runner
      .command(verb)
      .argument('<enrolment>', 'id such as enr_7k2q9x0d1f, of airlock runner waiting')
      .description(`${verb} the key of a machine; compare its fingerprint with what it printed`)
      .addOption(as())
      .action(async (id: string, options: As) => {
        const session = await signIn(options);
        await session.postJson(`/api/v1/runners/enrolments/${encodeURIComponent(id)}/${verb}`, {});
        print([safe(`${id} is ${done}`)]);
      });
  }

  for (const [verb, description, done] of [
    ['drain', 'no new jobs; what it has it ends', 'takes no new jobs'],
    ['resume', 'jobs again, after drain', 'takes jobs again'],
    ['remove', 'take it out of the registry', 'is taken out'],
  ] as const) {
    runner
      .command(verb)
      .argument('<runner>', 'its name')
      .description(description)
      .addOption(as())
      .action(async (id: string, options: As) => {
        await (await signIn(options)).postJson(`${path(id)}/${verb}`, {});
        print([safe(`${id} ${done}`)]);
      });
  }

  runner
    .command('quarantine')
    .alias('isolate')
    .argument('<runner>', 'its name')
    .description('cut it off, give its jobs to others, and mark what it worked on as tainted')
    .requiredOption('-m, --message <why>', 'kept with every run that is marked')
    .option('--since <time>', 'how far back it is doubted, such as 48h or 7d', hours, 24)
    .option('--no-since', 'mark nothing')
    .addOption(as())
    .action(async (id: string, options: As & { message: string; since: number | false }) => {
      const { message: reason, since } = options;
      const body = { reason, sinceHours: since === false ? null : since };
      const session = await signIn(options);
      const answer = Quarantined.parse(await session.postJson(`${path(id)}/quarantine`, body));
      print([
        safe(`${id} is quarantined: ${answer.jobs} jobs taken back, ${answer.runs} runs marked`),
        ...answer.tainted.map((run) =>
          safe(`  ${run.id}${run.candidate === null ? '' : `  candidate ${run.candidate}`}`),
        ),
        ...gateCommands(id, since).map(safe),
      ]);
    });

  runner
    .command('prune')
    .description('disable every runner that was not seen for so long')
    .requiredOption('--days <days>', '1 to 365', days)
    .addOption(as())
    .action(async (options: As & { days: number }) => {
      const body = { days: options.days };
      const session = await signIn(options);
      const { disabled } = z
        .object({ disabled: z.array(z.string()) })
        .parse(await session.postJson('/api/v1/runners/prune', body));
      print(disabled.length === 0 ? ['none was away so long'] : disabled.map(safe));
    });
}

const signIn = ({ as }: As): Promise<WebSession> => nonprodSession(as);
const path = (id: string): string => `/api/v1/runners/${encodeURIComponent(id)}`;

function line(runner: z.infer<typeof Runner>): string {
  const { id, pool, state, stateReason, lastSeenAt, job, certificate } = runner;
  const doing = job === null ? 'idle' : `at ${job.runId}`;
  const why = stateReason === null ? '' : ` (${stateReason})`;
  const until = certificate === null ? 'no certificate' : `certificate to ${certificate.notAfter}`;
  return safe(
    `${id.padEnd(20)} ${pool.padEnd(16)} ${state}${why}  ${doing}  ${until}  seen ${lastSeenAt ?? 'never'}`,
  );
}

const placesOf = (networks: readonly string[]): string =>
  networks.length === 0 ? 'anywhere' : safe(networks.join(', '));

function shownLines(runner: z.infer<typeof Shown>): string[] {
  const { claimed, runs, events } = runner;
  return [
    line(runner),
    `enrolled ${runner.enrolledAt}, ${runner.kind === 'once' ? 'for one job' : 'to last'}; may speak from ${placesOf(runner.networks)}`,
    safe(
      `says of itself: version ${claimed.version ?? '?'}, isolation ${claimed.isolation ?? '?'}, platform ${claimed.platform ?? '?'}`,
    ),
    'built',
    ...runs.map(({ id, subject, tainted, candidate }) =>
      safe(
        `  ${id}${tainted ? '  TAINTED' : ''}${candidate === null ? '' : `  ${candidate}`}  ${subject}`,
      ),
    ),
    'happened',
    ...events.map(({ at, text, person }) =>
      safe(`  ${at}  ${text}${person === null ? '' : ` (${person})`}`),
    ),
  ];
}

/** Non-prod cannot reach the gate, and the gate believes it nothing: a person says it there. */
export function gateCommands(runner: string, sinceHours: number | false): string[] {
  const since = sinceHours === false ? '' : ` --since ${sinceHours}h`;
  return [
    'What it built may have been delivered, and only the gate knows. Ask there, and hold it there:',
    `  airlock blast-radius --runner ${runner}${since}`,
    `  airlock quarantine runner:${runner}${since} -m "…"`,
  ];
}

function hours(text: string): number {
  const found = /^([1-9]\d{0,3})([hd])$/.exec(text);
  if (found === null) throw new InvalidArgumentError('expected a time such as 48h or 7d');
  return Number(found[1]) * (found[2] === 'd' ? 24 : 1);
}

function days(text: string): number {
  if (!/^[1-9]\d{0,2}$/.test(text)) throw new InvalidArgumentError('expected 1 to 365');
  return Number(text);
}
