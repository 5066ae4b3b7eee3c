-- Where runs come from: repositories as rows, webhooks with what they said, schedules, and wishes for a run.

alter table repository
  -- Where it is fetched from; `url` stays its identity in signed statements.
  add column clone_url text,
  add column provider text check (provider in ('github', 'gitlab', 'gitea', 'bitbucket', 'bitbucket-server')),
  add column main_branch text not null default 'main',
  -- Globs over full refs beside main that count as protected.
  add column protected_refs text[] not null default '{}',
  -- Globs of branches whose pushes are built; empty: all.
  add column branches text[] not null default '{}',
  -- An older run of a branch that still waits is cancelled by a newer one.
  add column build_latest boolean not null default false,
  -- The webhook's secret is derived from a key file and this number; nothing of it is stored here.
  add column hook_generation integer not null default 1 check (hook_generation > 0),
  -- Named in the configuration, which then decides everything above.
  add column configured boolean not null default false,
  add column added_by text,
  add column looked_at timestamptz,
  -- One sentence: why it could not be fetched the last time.
  add column failing text;
update repository set clone_url = url;
alter table repository alter column clone_url set not null;

-- A delivery is kept once, by the forge's id and by the digest of its bytes: ids are not under most forges' signatures.
alter table webhook_delivery drop constraint webhook_delivery_pkey;
alter table webhook_delivery
  add column id bigserial primary key,
  -- Null for a hook of the whole installation: the payload says which.
  add column repository text references repository (name),
  add column body bytea,
  add column body_digest bytea,
  add column relayed boolean not null default false,
  add column state text not null default 'handled' check (state in ('waiting', 'handled', 'ignored', 'refused')),
  add column reason text,
  add column handled_at timestamptz;
alter table webhook_delivery alter column state set default 'waiting';
create unique index webhook_delivery_once on webhook_delivery (provider, coalesce(repository, ''), delivery_id);
create unique index webhook_delivery_once_by_body
  on webhook_delivery (provider, coalesce(repository, ''), body_digest);
create index webhook_delivery_waiting on webhook_delivery (id) where state = 'waiting';
create index webhook_delivery_newest on webhook_delivery (received_at desc);

-- What did not get that far, counted by the hour: a stranger's flood makes a handful of rows.
create table webhook_refusal (
  hour timestamptz not null,
  provider text not null,
  repository text not null,
  code text not null,
  count integer not null,
  last_at timestamptz not null,
  last_from text not null,
  primary key (hour, provider, repository, code)
);

-- What only the forge knows of a pull request; from verified webhooks alone.
create table pull_request (
  repository text not null references repository (name),
  number integer not null,
  head_commit text check (head_commit ~ '^[0-9a-f]{40}$'),
  head_repository text,
  source_branch text not null,
  base_branch text not null,
  author_provider text,
  -- The forge's immutable id; a name can be taken over.
  author_id text,
  author_name text,
  is_fork boolean not null,
  title text not null,
  state text not null check (state in ('open', 'closed', 'merged')),
  draft boolean not null,
  labels text[] not null,
  -- By the forge's clock: an older delivery never overwrites a newer one.
  updated_at timestamptz not null,
  primary key (repository, number),
  check ((author_provider is null) = (author_id is null) and (author_id is null) = (author_name is null))
);

-- A run that a forge, a schedule or a person asks for. Its id is the run's, so that it is made once.
create table run_request (
  id text primary key check (id ~ '^run_[0-9a-hjkmnp-tv-z]{10}$'),
  repository text not null references repository (name),
  event text not null check (event in
    ('pull_request_closed', 'pull_request_metadata', 'release', 'deployment', 'cron', 'manual')),
  -- A full ref; git says which commit it is.
  ref text not null,
  -- Where the asker means one commit: refused when git has it not.
  commit text,
  pull_request integer,
  deploy_to text,
  cron text,
  variables jsonb not null default '{}',
  asked_by text,
  state text not null default 'waiting' check (state in ('waiting', 'started', 'refused')),
  reason text,
  created_at timestamptz not null default now(),
  settled_at timestamptz
);
create index run_request_waiting on run_request (repository, created_at) where state = 'waiting';

create table schedule (
  repository text not null references repository (name),
  name text not null,
  -- Five fields, in the time zone beside it.
  pattern text not null,
  time_zone text not null,
  branch text not null,
  -- Skipped when the branch was built within this many seconds; 0: never skipped.
  threshold_seconds integer not null check (threshold_seconds >= 0),
  paused boolean not null default false,
  set_by text not null,
  set_at timestamptz not null default now(),
  -- The time on the schedule that was last acted on; what was missed since then is made up for once.
  fired_for timestamptz not null default now(),
  last_outcome text,
  primary key (repository, name)
);

-- What the forge was told of a run, and when it is tried again.
create table commit_status (
  run_id text primary key references run (id),
  told text,
  attempts integer not null default 0,
  next_at timestamptz not null default now(),
  error text,
  told_at timestamptz
);
