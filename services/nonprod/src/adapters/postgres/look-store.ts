import type { LookStore } from '../../app/look-ports.ts';
import { isSuspicious } from '../../domain/watch/flag.ts';
import { sqlOf, type Database } from './client.ts';

interface Row {
  readonly at: Date;
  readonly seconds: number;
  readonly artifact_bytes: string | null;
  readonly hosts: string[];
  readonly images: string[];
}

export function createLookStore(db: Database): LookStore {
  const sql = sqlOf(db);
  return {
    async before({ repository, workflow, instance, pool }, limit) {
      const rows = await sql<Row>`
        select at, seconds, artifact_bytes, hosts, images from job_look
        where repository = ${repository} and workflow = ${workflow} and instance = ${instance}
          and pool = ${pool} and teaches
        order by at desc limit ${limit}`;
      return rows.map(({ artifact_bytes: size, ...row }) => ({
        ...row,
        artifactBytes: size === null ? null : Number(size),
      }));
    },

    async keep({ jobId, lease }, { repository, workflow, instance, pool }, look) {
      const { at, seconds, artifactBytes, hosts, images, lines, seenLines, flags, passed } = look;
      const suspicious = isSuspicious(flags);
      await sql`
        insert into job_look (job_id, lease, repository, workflow, instance, pool, at, seconds, artifact_bytes, hosts,
          images, lines, seen_lines, flags, suspicious, teaches)
        values (${jobId}, ${lease}, ${repository}, ${workflow}, ${instance}, ${pool}, ${at}, ${seconds},
          ${artifactBytes}, ${hosts}, ${images}, ${lines}, ${seenLines}, ${JSON.stringify(flags)}::jsonb,
          ${suspicious}, ${passed && !suspicious})
        on conflict (job_id, lease) do nothing`;
    },
  };
}
