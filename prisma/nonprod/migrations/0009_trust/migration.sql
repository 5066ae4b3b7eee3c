-- Who may run what where: pools and their grants, the trust of each run, releases of held ones, caches by level, budgets.

create table pool (
  name text primary key check (name ~ '^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$'),
  trust smallint not null check (trust between 0 and 3),
  isolation text not null check (isolation in ('bubblewrap', 'podman', 'user', 'none')),
  once boolean not null,
  images jsonb not null,
  labels jsonb not null,
  -- Open to every repository, those included that are not known yet.
  everyone boolean not null check (not everyone or trust = 0),
  concurrency integer check (concurrency > 0),
  egress text,
  version integer not null default 1,
  changed_at timestamptz(6) not null default now(),
  check (isolation <> 'none' or trust = 0)
);

create table pool_grant (
  pool text not null references pool (name),
  repository text not null references repository (name),
  granted_by text not null,
  granted_at timestamptz(6) not null default now(),
  primary key (pool, repository)
);
create index pool_grant_by_repository on pool_grant (repository);

-- What each change made of a pool; nothing here is ever altered.
create table pool_change (
  pool text not null references pool (name),
  version integer not null,
  changed_by text not null,
  changed_at timestamptz(6) not null default now(),
  settings jsonb not null,
  primary key (pool, version)
);

-- A run without a row is a stranger's.
create table run_trust (
  run_id text primary key references run (id),
  level smallint not null check (level between 0 and 3),
  why text not null,
  -- Whose pipeline and release files it follows: those of its own commit, or of the base branch.
  files text not null check (files in ('own', 'base')),
  -- The commit that they were read at.
  files_commit text not null check (files_commit ~ '^[0-9a-f]{40}$'),
  -- What whoever looks at the run should know of where it runs.
  notes text[] not null,
  -- Since a secret was opened for it; what it makes is for nobody of a lower level.
  post_review_at timestamptz(6),
  post_review_why text,
  check ((post_review_at is null) = (post_review_why is null))
);

create function keep_trust() returns trigger language plpgsql as $$
begin
  if new.level <> old.level or (old.post_review_at is not null and (new.post_review_at, new.post_review_why)
      is distinct from (old.post_review_at, old.post_review_why)) then
    raise exception 'the trust of run % was decided and does not change', old.run_id;
  end if;
  return new;
end $$;
create trigger keep_trust before update on run_trust for each row execute function keep_trust();

-- A member let a held run be built, as it was at that commit. The scheduler acts on it.
create table run_release (
  run_id text primary key references run (id),
  commit text not null,
  files text not null check (files in ('own', 'base')),
  -- Of both sets of files, as the releaser saw their difference.
  files_digest text not null check (files_digest ~ '^[0-9a-f]{64}$'),
  released_by text not null,
  released_name text not null,
  released_at timestamptz(6) not null default now(),
  applied_at timestamptz(6)
);
create index run_release_open on run_release (released_at) where applied_at is null;

-- One entry a key and level, written once; the bytes lie in the artifact store under their digest.
create table cache_entry (
  repository text not null references repository (name),
  level smallint not null check (level between 0 and 3),
  key text not null check (key ~ '^[0-9a-f]{64}$'),
  digest text not null check (digest ~ '^[0-9a-f]{64}$'),
  size bigint not null check (size >= 0),
  written_by text not null references job (id),
  written_at timestamptz(6) not null default now(),
  read_at timestamptz(6) not null default now(),
  primary key (repository, level, key)
);
create index cache_entry_oldest on cache_entry (repository, read_at);
create index cache_entry_by_digest on cache_entry (digest);

-- What one repository may use in a day (UTC), by what starts it. Without a row the defaults hold.
create table budget (
  repository text not null references repository (name),
  trigger text not null check (trigger in ('push', 'pull_request', 'cron', 'manual')),
  builds_a_day integer not null check (builds_a_day >= 0),
  minutes_a_day integer not null check (minutes_a_day >= 0),
  set_by text not null,
  set_at timestamptz(6) not null default now(),
  primary key (repository, trigger)
);

create table usage_day (
  repository text not null references repository (name),
  day date not null,
  trigger text not null,
  builds integer not null default 0,
  seconds bigint not null default 0,
  primary key (repository, day, trigger)
);
