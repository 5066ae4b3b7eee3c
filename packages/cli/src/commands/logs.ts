/** `airlock logs`: what the steps of a run print, as it is kept or as it comes. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Option, type Command } from 'commander';
import { z } from 'zod';
import { CliError, exitCode } from '../exit-codes.ts';
import { nonprodSession } from '../nonprod-session.ts';
import { safe, toStdout, type Print } from '../print.ts';
import type { WebSession } from '../web-session.ts';
import { Details, runPath } from './run.ts';

const Lines = z.object({
  total: z.number(),
  isOpen: z.boolean(),
  lines: z.array(
    z.looseObject({ n: z.number(), spans: z.array(z.looseObject({ text: z.string() })) }),
  ),
});
type Line = z.infer<typeof Lines>['lines'][number];

type Run = z.infer<typeof Details>;
interface Log {
  readonly job: string;
  readonly workflow: string;
  readonly step: string;
  /** A job that went to another runner prints anew. */
  readonly attempt: number;
  readonly state: string;
}
type Show = (log: Log, line: Line) => void;

const linesAPage = 1_000;
const lookEveryMs = 400;
const looksBehindTheEnd = 10;

export function registerLogs(program: Command, print: Print = toStdout): void {
  program
    .command('logs')
    .argument('<run>', 'id such as run_7k2q9x0d1f')
    .description('what the steps of a run print; exit 5 when a followed run did not pass')
    .option('-f, --follow', 'go on until the run has ended')
    .option('--step <name>', 'of this step alone')
    .option('--workflow <name>', 'of this workflow alone, as the run’s page names it')
    .option('--grep <text>', 'only lines that hold this text')
    .addOption(new Option('--as <person>', 'whose eyes, in the demo').default('dana'))
    .action(async (id: string, options: Options) => {
      const session = await nonprodSession(options.as);
      const look = async (): Promise<Run> => Details.parse(await session.getJson(runPath(id)));
      const run = await look();
      const asked = logsOf(run, options);
      if (asked.length === 0 && run.jobs.length > 0) {
        const names = logsOf(run, {}).map(({ workflow, step }) => `${workflow}/${step}`);
        const words = `${id} has no such step; it has ${names.join(', ')}`;
        throw new CliError(exitCode.usage, safe(words));
      }
      const show: Show = ({ workflow, step }, { spans }) => {
        const text = spans.map(({ text: piece }) => piece).join('');
        if (options.grep !== undefined && !text.includes(options.grep)) return;
        const shown = text.split('\t').map(safe).join('\t');
        print([asked.length === 1 ? shown : `${safe(`${workflow}/${step}`)} | ${shown}`]);
      };
      const reading = { session, id, show };
      if (options.follow !== true) {
        for (const log of asked) await showNew(reading, log, { next: 1, isOver: false });
        return;
      }
      const ended = await follow(reading, look, (of) => logsOf(of, options));
      if (ended.state === 'passed') return;
      const reason = ended.reason === null ? '' : `: ${ended.reason}`;
      throw new CliError(exitCode.failedCheck, safe(`${id} ${ended.state}${reason}`));
    });
}

interface Options {
  readonly as: string;
  readonly follow?: true;
  readonly step?: string;
  readonly workflow?: string;
  readonly grep?: string;
}

/** Those that were asked for, in the order of the run. */
function logsOf({ jobs }: Run, only: Pick<Options, 'step' | 'workflow'>): Log[] {
  return jobs
    .filter(({ workflow }) => only.workflow === undefined || only.workflow === workflow)
    .flatMap(({ id: job, workflow, attempt, steps }) =>
      steps
        .filter(({ name }) => only.step === undefined || only.step === name)
        .map(({ name, state }) => ({ job, workflow, step: name, attempt, state })),
    );
}

interface Place {
  /** The first line that was not shown. */
  next: number;
  isOver: boolean;
}

/** Shows what came behind a place; of a log that grows not its last line, which may still get longer. */
async function showNew(
  { session, id, show }: { session: WebSession; id: string; show: Show },
  log: Log,
  place: Place,
): Promise<void> {
  for (;;) {
    const query = new URLSearchParams({
      ...{ job: log.job, step: log.step },
      ...{ from: String(place.next), count: String(linesAPage) },
    });
    const { total, isOpen, lines } = Lines.parse(
      await session.getJson(`${runPath(id)}/lines?${query.toString()}`),
    );
    const whole = isOpen ? lines.filter(({ n }) => n < total) : lines;
    for (const line of whole) show(log, line);
    place.next = (whole.at(-1)?.n ?? place.next - 1) + 1;
    place.isOver = !isOpen && log.state !== 'running';
    if (lines.length < linesAPage) return;
  }
}

/** Every wanted log as it grows, until the run has ended. @returns how it ended. */
async function follow(
  given: { session: WebSession; id: string; show: Show },
  look: () => Promise<Run>,
  wanted: (run: Run) => Log[],
): Promise<Run> {
  const places = new Map<string, Place>();
  for (let looks = 0; ;) {
    const run = await look();
    let isOver = run.finishedAt !== null;
    for (const log of wanted(run)) {
      if (log.state === 'queued' && run.finishedAt === null) continue;
      const key = JSON.stringify([log.job, log.step, log.attempt]);
      const place = places.get(key) ?? { next: 1, isOver: false };
      places.set(key, place);
      if (!place.isOver) await showNew(given, log, place);
      isOver &&= place.isOver;
    }
    // The log of a runner that was lost is never closed.
    if (isOver || (run.finishedAt !== null && ++looks > looksBehindTheEnd)) return run;
    await sleep(lookEveryMs);
  }
}
