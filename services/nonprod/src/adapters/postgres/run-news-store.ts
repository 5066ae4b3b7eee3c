import { z } from 'zod';
import type { RunNewsStore } from '../../app/notification-ports.ts';
import { forgePlace } from '../../domain/commit-status.ts';
import type { Database } from './client.ts';

const Rows = z.array(
  z.object({
    runId: z.string(),
    number: z.bigint().transform(Number),
    repository: z.string(),
    ref: z.string(),
    branch: z.string(),
    pullRequest: z.number().nullable(),
    commit: z.string(),
    subject: z.string(),
    authorName: z.string(),
    reason: z.string().nullable(),
    verdict: z.enum(['failed', 'fixed', 'held']),
    at: z.date(),
  }),
);
const Readers = z.array(
  z.object({
    person: z.string(),
    address: z.string(),
    cloneUrl: z.string(),
    host: z.string().nullable(),
  }),
);

export function createRunNewsStore(db: Database): RunNewsStore {
  return {
    async untold(limit) {
      return Rows.parse(
        await db.$queryRaw`
          select news.*, case news.state when 'passed' then 'fixed' else news.state end as verdict from (
            select r.id as "runId", r.number, r.repository, r.ref, r.branch, r.pull_request as "pullRequest", r.commit,
              r.subject, r.author_name as "authorName", r.reason, r.state, coalesce(r.finished_at, r.created_at) as at
            from run r
            where r.created_at > now() - interval '1 day' and r.state in ('failed', 'held', 'passed')
              and coalesce(r.finished_at, r.created_at) > now() - interval '1 hour'
          ) news
          where not exists (
              select from notification n
              where n.id = news."runId" || ':' || case news.state when 'passed' then 'fixed' else news.state end
            )
            and (news.state <> 'passed' or 'failed' = (
              select earlier.state from run earlier
              where earlier.repository = news.repository and earlier.ref = news.ref
                and earlier.number < news.number and earlier.state in ('passed', 'failed')
              order by earlier.number desc limit 1
            ))
          order by news.number limit ${limit}`,
      );
    },

    async readers(runId, { authors, owners }) {
      if (!authors && !owners) return [];
      const rows = Readers.parse(
        await db.$queryRaw`
          select choice.person, choice.address, repository.clone_url as "cloneUrl", null as host
          from run join repository on repository.name = run.repository
          join notification_choice choice on choice.mail
          join person on person.id = choice.person
          where run.id = ${runId} and (
            (${authors} and lower(choice.address) = lower(run.author_email))
            or (${owners} and exists (
              select from repository_group owner where owner.repository = run.repository
                and owner.grants = 'own' and owner.group_name = any (person.groups)))
          )
          union
          select choice.person, choice.address, repository.clone_url, linked.host
          from run join repository on repository.name = run.repository
          join pull_request request on request.repository = run.repository and request.number = run.pull_request
          join linked_account linked
            on linked.provider = request.author_provider and linked.account = request.author_id
          join notification_choice choice on choice.mail and choice.person = linked.person
          where run.id = ${runId} and ${authors}`,
      );
      // A number at one installation of a forge is another's at the next.
      return rows
        .filter(({ cloneUrl, host }) => host === null || forgePlace(cloneUrl)?.host === host)
        .map(({ person, address }) => ({ person, address }));
    },
  };
}
