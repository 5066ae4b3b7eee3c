import type { ReportContent, ReportStore } from '../../app/report-ports.ts';
import type { Database, Transaction } from './client.ts';

export function createReportStore(db: Database): ReportStore {
  return {
    async add({ jobId, lease, runner }, { path, digest, size, content }) {
      return await db.$transaction(async (tx) => {
        const held = await tx.$queryRaw<unknown[]>`
          select id from job
          where id = ${jobId} and state = 'leased' and lease = ${lease} and runner = ${runner} for update`;
        if (held.length === 0) return false;
        const fault = 'fault' in content ? content.fault : null;
        const [report] = await tx.$queryRaw<{ id: bigint }[]>`
          insert into report (job_id, lease, kind, path, digest, size, fault, left_out)
          values (${jobId}, ${lease}, ${content.kind}, ${path}, ${digest}, ${size}, ${fault}, ${leftOut(content)})
          on conflict (job_id, lease, kind, path) do nothing returning id`;
        if (report !== undefined) await addEntries(tx, report.id, content);
        return true;
      });
    },

    async count({ jobId, lease }) {
      return await db.report.count({ where: { jobId, lease } });
    },
  };
}

function leftOut(content: ReportContent): number {
  if ('fault' in content) return 0;
  switch (content.kind) {
    case 'junit':
      return content.tests.left;
    case 'sarif':
      return content.found.left;
    case 'coverage':
      return 0;
    case 'sbom':
      return content.bill.left;
  }
}

/** As one JSON text and one statement: there may be fifty thousand. */
async function addEntries(tx: Transaction, id: bigint, content: ReportContent): Promise<void> {
  if ('fault' in content) return;
  switch (content.kind) {
    case 'junit': {
      const entries = JSON.stringify(content.tests.cases);
      await tx.$executeRaw`
        insert into report_test (report_id, position, suite, class, name, outcome, seconds, message, path, line)
        select ${id}, row_number() over (), suite, "group", name, outcome, seconds, message, path, line
        from jsonb_to_recordset(${entries}::jsonb) as entry(suite text, "group" text, name text, outcome text,
          seconds double precision, message text, path text, line integer)`;
      return;
    }
    case 'sarif': {
      const entries = JSON.stringify(content.found.findings);
      await tx.$executeRaw`
        insert into report_finding (report_id, position, tool, rule, level, message, path, line)
        select ${id}, row_number() over (), tool, rule, level, message, path, line
        from jsonb_to_recordset(${entries}::jsonb) as entry(tool text, rule text, level text, message text,
          path text, line integer)`;
      return;
    }
    case 'coverage': {
      const entries = JSON.stringify(content.coverage.files);
      await tx.$executeRaw`
        insert into report_coverage (report_id, position, path, lines, covered)
        select ${id}, row_number() over (), path, lines, covered
        from jsonb_to_recordset(${entries}::jsonb) as entry(path text, lines integer, covered integer)`;
      return;
    }
    case 'sbom': {
      const entries = JSON.stringify(content.bill.components);
      await tx.$executeRaw`
        insert into report_component (report_id, position, type, name, version, purl, licences)
        select ${id}, row_number() over (), type, name, version, purl, licences
        from jsonb_to_recordset(${entries}::jsonb) as entry(type text, name text, version text, purl text,
          licences text[])`;
      return;
    }
  }
}
