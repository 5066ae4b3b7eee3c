-- Jobs wait in turns: a repository that asks for much waits behind one that asks for little (start-time fair queueing).

alter table job
  add column repository text references repository (name),
  -- Null until it is queued. Grows by one for each job that its repository has in line.
  add column turn bigint,
  -- At most so many of the group at once, over all pools; of workflows that say so.
  add column concurrency_group text,
  add column concurrency_limit integer check (concurrency_limit > 0),
  add check ((concurrency_group is null) = (concurrency_limit is null));
update job set repository = run.repository from run where run.id = job.run_id;
alter table job alter column repository set not null;

-- The turn that was last given out; whoever comes new begins there.
create table pool_clock (
  pool text primary key,
  turn bigint not null
);

create function give_turn() returns trigger language plpgsql as $$
begin
  new.turn := greatest(
    coalesce((select turn from pool_clock where pool = new.pool), 0),
    coalesce((select max(turn) + 1 from job
      where state = 'queued' and pool = new.pool and repository = new.repository), 0));
  return new;
end $$;
create trigger give_turn before insert or update of state on job for each row
  when (new.state = 'queued' and new.turn is null) execute function give_turn();
update job set state = 'queued' where state = 'queued';

drop index job_to_claim;
create index job_next on job (pool, turn, created_at) where state = 'queued';
create index job_last_turn on job (pool, repository, turn) where state = 'queued';
create index job_leased_by_pool on job (pool, repository, concurrency_group) where state = 'leased';
create index run_queued on run (repository) where state = 'queued';

-- True: not read by lower levels, because its writer had read a secret.
alter table cache_entry add column closed boolean not null default false;
alter table cache_entry alter column closed drop default;
