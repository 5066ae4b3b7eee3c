-- Who used how much: each run is somebody's, each job says what it took, and the sums of a day are kept by the database.

alter table run
  -- Whose it is; null where nobody is known.
  add column person text,
  -- How that is known: it was asked for by them, the forge's account is linked to them, or the commit names their address.
  add column person_by text check (person_by in ('asked', 'linked', 'author')),
  add check ((person is null) = (person_by is null));
update run set person = asked.asked_by, person_by = 'asked'
from run_request asked where asked.id = run.id and asked.asked_by is not null;
create index run_of_person on run (person, created_at) where person is not null;

alter table job
  -- When the runner that has it was given it.
  add column leased_at timestamptz,
  -- How long runners had it, over all attempts.
  add column seconds bigint not null default 0 check (seconds >= 0),
  -- What is kept of its logs, in bytes as they came.
  add column log_bytes bigint not null default 0 check (log_bytes >= 0);
update job set leased_at = started_at where state = 'leased';
update job set seconds = greatest(0, round(extract(epoch from finished_at - started_at)))
where state = 'finished' and started_at is not null and finished_at is not null;

-- The same as triggerOf in domain/budget.ts, which a test compares for every event.
create function trigger_of(event text) returns text language sql immutable return
  case when event like 'pull\_request%' then 'pull_request'
    when event = 'cron' then 'cron'
    when event in ('manual', 'deployment') then 'manual'
    else 'push' end;

alter table usage_day
  -- '': nobody is known.
  add column person text not null default '',
  -- '' in rows that count builds: a build may have jobs in several.
  add column pool text not null default '',
  drop constraint usage_day_pkey,
  add primary key (repository, day, trigger, person, pool),
  add check (builds >= 0 and seconds >= 0);
create index usage_day_of on usage_day (day);
-- Times counted until now left out jobs whose runner was lost: they are summed again from the jobs.
update usage_day set seconds = 0;
insert into usage_day (repository, day, trigger, person, pool, seconds)
select job.repository, (job.finished_at at time zone 'utc')::date, trigger_of(run.event), coalesce(run.person, ''), job.pool,
  sum(job.seconds)
from job join run on run.id = job.run_id
where job.seconds > 0
group by 1, 2, 3, 4, 5;

-- However a runner comes to lose a job (it ended, it was silent, the run was cancelled), its time is counted here, once.
create function time_lease() returns trigger language plpgsql as $$
begin
  if new.state = 'leased' then
    new.leased_at := now();
  else
    new.seconds := old.seconds + greatest(0, round(extract(epoch from now() - coalesce(old.leased_at, now()))));
    new.leased_at := null;
  end if;
  return new;
end $$;
create trigger time_lease before update of state on job for each row
  when ((new.state = 'leased') <> (old.state = 'leased')) execute function time_lease();

-- With the rights of the schema's owner, so that no process needs any to change what was used. At the end of the
-- transaction: the row of a day is held by nobody who still waits for a run.
create function count_lease() returns trigger language plpgsql security definer set search_path = pg_catalog, public as $$
begin
  insert into usage_day (repository, day, trigger, person, pool, seconds)
  select new.repository, (now() at time zone 'utc')::date, trigger_of(run.event), coalesce(run.person, ''), new.pool,
    new.seconds - old.seconds
  from run where run.id = new.run_id
  on conflict (repository, day, trigger, person, pool) do update set seconds = usage_day.seconds + excluded.seconds;
  return null;
end $$;
create constraint trigger count_lease after update on job deferrable initially deferred for each row
  when (old.state = 'leased' and new.state <> 'leased' and new.seconds > old.seconds) execute function count_lease();
