-- What tests, scanners and package managers wrote in a build. Written once, by the job that ran them; an earlier attempt of
-- the job keeps its own.

create table report (
  id bigint generated always as identity primary key,
  job_id text not null references job (id),
  lease bigint not null,
  kind text not null check (kind in ('junit', 'sarif', 'coverage', 'sbom')),
  path text not null,
  digest text not null check (digest ~ '^[0-9a-f]{64}$'),
  size bigint not null check (size >= 0),
  -- Why it cannot be read; null when its entries are below.
  fault text,
  -- Entries beyond what is kept of one file.
  left_out integer not null default 0 check (left_out >= 0),
  received_at timestamptz not null default now(),
  unique (job_id, lease, kind, path)
);

create table report_test (
  report_id bigint not null references report (id) on delete cascade,
  position integer not null,
  suite text not null,
  class text not null,
  name text not null,
  outcome text not null check (outcome in ('passed', 'failed', 'skipped')),
  seconds double precision,
  message text,
  path text,
  line integer,
  primary key (report_id, position)
);

create table report_finding (
  report_id bigint not null references report (id) on delete cascade,
  position integer not null,
  tool text not null,
  rule text not null,
  level text not null check (level in ('error', 'warning', 'note')),
  message text not null,
  path text,
  line integer,
  primary key (report_id, position)
);

create table report_coverage (
  report_id bigint not null references report (id) on delete cascade,
  position integer not null,
  path text not null,
  lines integer not null check (lines >= 0),
  covered integer not null check (covered between 0 and lines),
  primary key (report_id, position)
);

create table report_component (
  report_id bigint not null references report (id) on delete cascade,
  position integer not null,
  type text not null,
  name text not null,
  version text,
  purl text,
  licences text[] not null,
  primary key (report_id, position)
);

-- Which runs built the same commit, to tell a flaky test from a broken one.
create index run_of_commit on run (repository, commit);
