import { z } from 'zod';
import { ReportKind } from '@airlock/common/wire/reports';
import type { ReportQueries, TestRow } from '../../app/report-ports.ts';
import type { Database } from './client.ts';

const Outcome = z.enum(['passed', 'failed', 'skipped']);

interface TestColumns extends Omit<TestRow, 'workflow' | 'outcome'> {
  readonly workflow: string;
  readonly instance: number;
  readonly outcome: string;
}
interface Counted {
  readonly passed: bigint;
  readonly failed: bigint;
  readonly skipped: bigint;
  readonly flaky: bigint;
}

export function createReportQueries(db: Database): Pick<ReportQueries, 'files' | 'tests'> {
  return {
    async files(runId) {
      const rows = await db.$queryRaw<
        {
          kind: string;
          path: string;
          workflow: string;
          instance: number;
          size: bigint;
          fault: string | null;
          left_out: number;
        }[]
      >`
        select r.kind, r.path, j.workflow, j.instance, r.size, r.fault, r.left_out
        from report r join job j on j.id = r.job_id and j.lease = r.lease
        where j.run_id = ${runId} order by r.kind, j.position, r.path`;
      return rows.map(({ kind, workflow, instance, size, left_out, ...row }) => ({
        ...row,
        kind: ReportKind.parse(kind),
        workflow: nameOf(workflow, instance),
        size: Number(size),
        leftOut: left_out,
      }));
    },

    async tests(runId, limit) {
      // A test is the same by its workflow, suite, class and name. Earlier attempts at the same commit count as well.
      const rows = await db.$queryRaw<(TestColumns & Counted)[]>`
        with attempts as (
          select r.id, o.id = ${runId} and j.lease = r.lease as is_own, j.workflow, j.instance, j.position
          from run t join run o on o.repository = t.repository and o.commit = t.commit
          join job j on j.run_id = o.id join report r on r.job_id = j.id and r.kind = 'junit'
          where t.id = ${runId}
        ), mixed as (
          select a.workflow, a.instance, t.suite, t.class, t.name from attempts a join report_test t on t.report_id = a.id
          group by 1, 2, 3, 4, 5
          having bool_or(t.outcome = 'passed') and bool_or(t.outcome = 'failed')
        ), own as (
          select a.workflow, a.instance, a.position as workflow_position, t.*, exists (
            select from mixed b where (b.workflow, b.instance, b.suite, b.class, b.name)
              = (a.workflow, a.instance, t.suite, t.class, t.name)) as is_flaky
          from attempts a join report_test t on t.report_id = a.id where a.is_own
        )
        select workflow, instance, suite, class as "group", name, outcome, seconds, message, path, line,
          is_flaky as "isFlaky",
          count(*) filter (where outcome = 'passed') over () as passed,
          count(*) filter (where outcome = 'failed') over () as failed,
          count(*) filter (where outcome = 'skipped') over () as skipped,
          count(*) filter (where is_flaky) over () as flaky
        from own
        order by outcome = 'failed' desc, is_flaky desc, seconds desc nulls last, workflow_position, report_id, position
        limit ${limit}`;
      const [first] = rows;
      return {
        passed: Number(first?.passed ?? 0),
        failed: Number(first?.failed ?? 0),
        skipped: Number(first?.skipped ?? 0),
        flaky: Number(first?.flaky ?? 0),
        tests: rows.map((row) => ({
          workflow: nameOf(row.workflow, row.instance),
          suite: row.suite,
          group: row.group,
          name: row.name,
          outcome: Outcome.parse(row.outcome),
          seconds: row.seconds,
          message: row.message,
          path: row.path,
          line: row.line,
          isFlaky: row.isFlaky,
        })),
      };
    },
  };
}

/** Combinations of a matrix are counted from 1. */
function nameOf(workflow: string, instance: number): string {
  return instance === 0 ? workflow : `${workflow} ${instance}`;
}
