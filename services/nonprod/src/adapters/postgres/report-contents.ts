/** Findings, coverage and components of a run's last attempts. */
import { z } from 'zod';
import type { FileCoverage } from '@airlock/reports/coverage';
import type { Component } from '@airlock/reports/cyclonedx';
import type { Finding } from '@airlock/reports/sarif';
import type { Coverage, ReportQueries } from '../../app/report-ports.ts';
import type { Database } from './client.ts';

const Level = z.enum(['error', 'warning', 'note']);

type Counted<T> = T & { readonly total: bigint };

export function createReportContents(
  db: Database,
): Pick<ReportQueries, 'findings' | 'coverage' | 'components'> {
  return {
    async findings(runId, limit) {
      const rows = await db.$queryRaw<Counted<Omit<Finding, 'level'> & { level: string }>[]>`
        select f.tool, f.rule, f.level, f.message, f.path, f.line, count(*) over () as total
        from report_finding f join report r on r.id = f.report_id
        join job j on j.id = r.job_id and j.lease = r.lease
        where j.run_id = ${runId}
        order by array_position(array['error', 'warning', 'note'], f.level), f.path nulls last, f.line, f.report_id,
          f.position
        limit ${limit}`;
      return {
        total: Number(rows[0]?.total ?? 0),
        entries: rows.map(({ tool, rule, level, message, path, line }) => ({
          ...{ tool, rule, message, path, line },
          level: Level.parse(level),
        })),
      };
    },

    async coverage(runId, mainRef, limit) {
      const own = await sumOf(db, runId);
      if (own === null) return null;
      const [before] = await db.$queryRaw<{ id: string; number: bigint }[]>`
        select o.id, o.number from run t join run o
          on o.repository = t.repository and o.ref = ${mainRef} and o.event = 'push' and o.number < t.number
        where t.id = ${runId} and exists (
          select from job j join report r on r.job_id = j.id and r.lease = j.lease
          where j.run_id = o.id and r.kind = 'coverage' and r.fault is null)
        order by o.number desc limit 1`;
      const main = before === undefined ? null : await sumOf(db, before.id);
      const files = await db.$queryRaw<FileCoverage[]>`
        select c.path, max(c.lines) as lines, max(c.covered) as covered
        from report_coverage c join report r on r.id = c.report_id
        join job j on j.id = r.job_id and j.lease = r.lease
        where j.run_id = ${runId} group by c.path
        order by max(c.lines) - max(c.covered) desc, c.path limit ${limit}`;
      return {
        ...own,
        main:
          main === null || before === undefined
            ? null
            : { ...main, runId: before.id, number: Number(before.number) },
        files,
      };
    },

    async components(runId, limit) {
      const rows = await db.$queryRaw<Counted<Component>[]>`
        select *, count(*) over () as total from (
          select distinct c.type, c.name, c.version, c.purl, c.licences
          from report_component c join report r on r.id = c.report_id
          join job j on j.id = r.job_id and j.lease = r.lease
          where j.run_id = ${runId}) as found
        order by name, version, purl limit ${limit}`;
      return {
        total: Number(rows[0]?.total ?? 0),
        entries: rows.map(({ type, name, version, purl, licences }) => ({
          ...{ type, name, version, purl, licences },
        })),
      };
    },
  };
}

/** Null when the run has no report of coverage that could be read. */
async function sumOf(db: Database, runId: string): Promise<Coverage | null> {
  const [sum] = await db.$queryRaw<{ lines: bigint | null; covered: bigint | null }[]>`
    select sum(lines)::bigint as lines, sum(covered)::bigint as covered from (
      select max(c.lines) as lines, max(c.covered) as covered
      from report_coverage c join report r on r.id = c.report_id
      join job j on j.id = r.job_id and j.lease = r.lease
      where j.run_id = ${runId} group by c.path) as file`;
  return sum?.lines == null ? null : { lines: Number(sum.lines), covered: Number(sum.covered) };
}
