import type { LogHold, LogPolicyStore, LogReader } from '../app/log-ports.ts';
import type { RunDetails } from '../app/page-queries.ts';
import { chooseLog, type ChosenLog } from './log-choice.ts';
import { failingLine, shownLine } from './log-text.ts';
import type { ShownLine } from '@airlock/web/views/log-window';

/** What a page shows of a log without scripts. */
const linesShown = 400;
const contextLines = 6;

/** A log as the run's page shows it. */
export interface ShownLog {
  readonly log: ChosenLog;
  readonly lines: readonly ShownLine[];
  readonly total: number;
  readonly failure: number | null;
  /** Leases of the attempts that wrote a log of this step, ascending. */
  readonly attempts: readonly number[];
  readonly deletedAt: Date | null;
  readonly hold: LogHold | null;
}

/** Null for a run that has no step. */
export async function shownLog(
  logs: { readonly reader: LogReader; readonly policies: LogPolicyStore },
  run: RunDetails,
  query: Readonly<Record<string, unknown>>,
): Promise<ShownLog | null> {
  const log = chooseLog(run, query);
  if (log === null) return null;
  const { reader, policies } = logs;
  const total = (await reader.size(log.name))?.lines ?? 0;
  const hasFailed = log.step.state === 'failed' || log.step.state === 'timed-out';
  const failure = hasFailed ? ((await failingLine(reader, log.name))?.n ?? null) : null;
  const wanted = Number(query['from']);
  const end = Math.max(1, total - linesShown + 1);
  const usual = failure === null ? end : Math.min(end, Math.max(1, failure - contextLines));
  const from = Number.isSafeInteger(wanted) && wanted > 0 ? Math.min(wanted, end) : usual;
  const names = await reader.list(log.job.id);
  return {
    log,
    lines: (await reader.lines(log.name, from, linesShown)).map(shownLine),
    total,
    failure,
    attempts: names.filter(({ step }) => step === log.name.step).map(({ lease }) => lease),
    deletedAt: (await policies.deletions(run.id)).get(log.job.id) ?? null,
    hold: await policies.hold(run.id),
  };
}
