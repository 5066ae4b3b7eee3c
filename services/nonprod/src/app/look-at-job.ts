import type { JobReport } from '@airlock/common/wire/runner-protocol';
import { workflowOf } from '@airlock/common/workflow-name';
import { stripVTControlCharacters } from 'node:util';
import { lookedBack, unusual, type Measures } from '../domain/watch/baseline.ts';
import { baitFlags } from '../domain/watch/bait.ts';
import type { Flag } from '../domain/watch/flag.ts';
import { createLineRules, egressFlags, endFlags } from '../domain/watch/rules.ts';
import type { Events } from '../events.ts';
import type { LogName, LogReader } from './log-ports.ts';
import type { LookStore } from './look-ports.ts';
import type { JobFacts, LeaseProofOf } from './ports.ts';

/** Of one job: all its logs together. A step that needs less than its share leaves the rest to the others. */
export const mostLines = 40_000;
/** Of text, and a group of lines beyond it at most, as they are read. */
const mostCharacters = 16 * 1024 * 1024;

export type LookAtJob = (
  proof: LeaseProofOf,
  facts: Pick<JobFacts, 'runId' | 'plan' | 'workflow' | 'uploaded' | 'pool' | 'repository'>,
  report: JobReport,
  passed: boolean,
) => Promise<void>;

/** Looks once at what an attempt left, before the job ends: nobody sees it ended and not looked at. */
export function createLookAtJob(ports: {
  readonly looks: LookStore;
  readonly logs: Pick<LogReader, 'list' | 'size' | 'follow'>;
  readonly events: Pick<Events, 'jobFlagged'>;
  readonly clock: () => Date;
}): LookAtJob {
  const { looks, logs, events, clock } = ports;
  return async (proof, { runId, plan, workflow, uploaded, repository, pool }, report, passed) => {
    const { name, instance } = workflow;
    const job = { repository, workflow: name, instance, pool };
    // A job that failed took as long as it took, and kept nothing.
    const [log, before] = await Promise.all([
      lookAtLogs(logs, proof),
      passed ? looks.before(job, lookedBack) : null,
    ]);
    const measures: Measures = {
      at: clock(),
      seconds: secondsOf(report),
      artifactBytes: uploaded?.size ?? null,
      hosts: report.egress?.hosts.map(({ host }) => host) ?? [],
      images: [
        ...new Set(
          [workflowOf(plan, workflow)].flatMap((each) =>
            each === null ? [] : [...each.steps, ...each.services].map(({ image }) => image),
          ),
        ),
      ],
    };
    const flags = [
      ...log.flags,
      ...endFlags(report.steps),
      ...egressFlags(report.egress),
      ...baitFlags(report.baitSeen),
      ...limitFlags(report),
      ...(before === null ? [] : unusual(measures, before)),
    ];
    const { lines, seenLines } = log;
    await looks.keep(proof, job, { ...measures, lines, seenLines, flags, passed });
    for (const { kind, rule, text } of flags) {
      events.jobFlagged({ runId, jobId: proof.jobId }, { kind, rule, text });
    }
  };
}

interface LogLook {
  readonly lines: number;
  readonly seenLines: number;
  readonly flags: readonly Flag[];
}

async function lookAtLogs(
  logs: Pick<LogReader, 'list' | 'size' | 'follow'>,
  { jobId, lease }: LeaseProofOf,
): Promise<LogLook> {
  try {
    return await lookAtEach(logs, { jobId, lease });
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    const text = `Its log could not be looked at: ${why}`;
    return {
      ...{ lines: 0, seenLines: 0 },
      flags: [{ kind: 'suspicious', rule: 'not-looked-at', text, lines: null }],
    };
  }
}

async function lookAtEach(
  logs: Pick<LogReader, 'list' | 'size' | 'follow'>,
  { jobId, lease }: Pick<LogName, 'jobId' | 'lease'>,
): Promise<LogLook> {
  const names = (await logs.list(jobId)).filter((name) => name.lease === lease);
  const sized = await Promise.all(
    names.map(async (name) => ({ name, lines: (await logs.size(name))?.lines ?? 0 })),
  );
  sized.sort((a, b) => a.lines - b.lines);
  const flags: Flag[] = [];
  let seenLines = 0;
  let characters = 0;
  for (const [index, { name, lines }] of sized.entries()) {
    const left = sized.length - index;
    const ranges = parts(lines, Math.floor((mostLines - seenLines) / left));
    const share = (mostCharacters - characters) / left / ranges.length;
    const rules = createLineRules(name.step, stripVTControlCharacters);
    for (const { from, count } of ranges) {
      const until = characters + share;
      for await (const seen of logs.follow(name, from, count)) {
        rules.see(seen);
        seenLines += seen.length;
        for (const { text } of seen) characters += text.length;
        if (characters >= until) break;
      }
    }
    flags.push(...rules.flags());
  }
  const lines = sized.reduce((sum, each) => sum + each.lines, 0);
  if (seenLines < lines) {
    const text = `Of ${lines} lines of its logs ${seenLines} were looked at: the first and the last of each step.`;
    flags.push({ kind: 'unusual', rule: 'long-log', text, lines: null });
  }
  return { lines, seenLines, flags };
}

/** All of a log, or its beginning and its end. */
function parts(lines: number, share: number): { from: number; count: number }[] {
  if (lines <= share) return [{ from: 1, count: lines }];
  const head = Math.floor(share / 2);
  const tail = share - head;
  return [
    { from: 1, count: head },
    { from: lines - tail + 1, count: tail },
  ];
}

function secondsOf({ steps }: JobReport): number {
  const times = (which: 'startedAt' | 'finishedAt'): number[] =>
    steps.flatMap((step) => (step[which] === null ? [] : [Date.parse(step[which])]));
  const [starts, ends] = [times('startedAt'), times('finishedAt')];
  if (starts.length === 0 || ends.length === 0) return 0;
  return Math.max(0, Math.round((Math.max(...ends) - Math.min(...starts)) / 1000));
}

/** A limit that was hit fails a step; a workflow may pass all the same, where its failure is ignored. */
function limitFlags({ steps, reason }: JobReport): Flag[] {
  const late = steps.filter(({ outcome }) => outcome === 'timed-out');
  const limits = [
    ...late.map(({ name }) => `Step ${name} ran out of time.`),
    ...(reason !== null && /more memory than|processes at a time|filled the workspace/.test(reason)
      ? [reason]
      : []),
  ];
  return limits.map((text) => ({ kind: 'unusual', rule: 'limit-hit', text, lines: null }));
}
