import { z } from 'zod';
import { providers } from '@airlock/common/webhook/provider';
import type { StatusOutbox } from '../../app/status-ports.ts';
import type { Database } from './client.ts';

const Rows = z.array(
  z.object({
    runId: z.string(),
    number: z.bigint().transform(Number),
    commit: z.string(),
    isPullRequest: z.boolean(),
    verdict: z.enum(['held', 'waiting', 'pending', 'success', 'failure', 'cancelled']),
    why: z.string().nullable(),
    provider: z.enum(providers),
    cloneUrl: z.string(),
    attempts: z.number(),
  }),
);

export function createStatusOutbox(db: Database): StatusOutbox {
  return {
    async due(limit) {
      return Rows.parse(
        await db.$queryRaw`
          select * from (
            select r.id as "runId", r.number, r.commit, r.event like 'pull_request%' as "isPullRequest",
              case r.state when 'held' then 'held' when 'passed' then 'success' when 'failed' then 'failure'
                when 'cancelled' then 'cancelled'
                when 'queued' then case when r.admitted_at is null then 'waiting' else 'pending' end
                else 'pending' end as verdict,
              case when r.started_at is null and r.admitted_at is null and r.state in ('queued', 'failed')
                then r.reason end as why,
              repository.provider, repository.clone_url as "cloneUrl",
              coalesce(s.attempts, 0) as attempts, s.told, s.next_at, r.created_at
            from run r join repository on repository.name = r.repository
            left join commit_status s on s.run_id = r.id
            where repository.provider is not null and r.created_at > now() - interval '2 days'
          ) status
          where told is distinct from verdict
            and (next_at is null or next_at <= now())
          order by created_at limit ${limit}`,
      );
    },

    async told(runId, verdict) {
      const data = { told: verdict, attempts: 0, error: null, toldAt: new Date() };
      await db.commitStatus.upsert({ where: { runId }, create: { runId, ...data }, update: data });
    },

    async failed({ runId, verdict, attempts }, why, waitMs) {
      const error = why.slice(0, 500);
      // Given up counts as told, so that the next verdict is tried at once.
      const data =
        waitMs === null
          ? { told: verdict, attempts: 0, error }
          : { attempts: attempts + 1, error, nextAt: new Date(Date.now() + waitMs) };
      await db.commitStatus.upsert({ where: { runId }, create: { runId, ...data }, update: data });
    },
  };
}
