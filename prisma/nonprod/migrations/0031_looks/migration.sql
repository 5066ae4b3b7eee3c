-- What was seen of a job as it ended: figures for those that come after it, and what is suspicious or unusual about it. Of
-- one attempt; what a runner that was replaced left counts for nothing.
create table job_look (
  job_id text not null references job (id),
  lease bigint not null,
  repository text not null,
  workflow text not null,
  instance integer not null,
  -- Strangers build in other pools than main: they teach main's baseline nothing.
  pool text not null,
  at timestamptz not null,
  seconds integer not null,
  artifact_bytes bigint,
  -- Asked for, whether they were reached or not.
  hosts text[] not null,
  images text[] not null,
  lines bigint not null,
  seen_lines bigint not null,
  flags jsonb not null,
  suspicious boolean not null,
  -- Passed, and not suspicious: what is usual is learned from it.
  teaches boolean not null,
  primary key (job_id, lease)
);
create index job_look_baseline on job_look (repository, workflow, instance, pool, at desc) where teaches;

-- Who looked at a run that is suspicious, and what they say of it. Nothing takes it back.
create table run_review (
  run_id text primary key references run (id),
  reason text not null check (length(reason) between 1 and 500),
  reviewed_by text not null,
  reviewed_name text not null,
  reviewed_at timestamptz not null default now()
);
