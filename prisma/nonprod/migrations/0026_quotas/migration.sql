-- Runs that begin when there is room, and turns that are shared among the people of a repository too.

alter table run
  -- When its jobs were put in line; null: not yet, because a quota is used up, and `reason` says which.
  add column admitted_at timestamptz;
update run set admitted_at = created_at where state <> 'held' and plan is not null;
create index run_waits_for_room on run (number) where state = 'queued' and admitted_at is null;
create index run_goes on run (repository) where state in ('queued', 'running');
create index run_admitted_of_person on run (person, admitted_at) where person is not null;

-- Whose share of its repository's turns it takes: a person who is known for certain; '': everybody else together.
alter table job add column share text not null default '';
drop index job_last_turn;
create index job_last_turn on job (pool, repository, share, turn) where state = 'queued';
create or replace function give_turn() returns trigger language plpgsql as $$
begin
  new.share := coalesce((select person from run where run.id = new.run_id and person_by in ('asked', 'linked')), '');
  new.turn := greatest(
    coalesce((select turn from pool_clock where pool = new.pool), 0),
    coalesce((select max(turn) + 1 from job
      where state = 'queued' and pool = new.pool and repository = new.repository and share = new.share), 0));
  return new;
end $$;
