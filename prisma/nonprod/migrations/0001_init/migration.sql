-- Nonprod: runs and their logs, candidates, promotion requests, the outbox, sessions. Times are timestamptz; deadlines
-- are always compared with now() of this server, never with a process's own clock.

create table repository (
  name text primary key,
  url text not null,
  created_at timestamptz not null default now()
);

create table git_head (
  repository text not null references repository (name),
  ref text not null,
  commit text not null,
  seen_at timestamptz not null default now(),
  primary key (repository, ref)
);

-- A delivery seen once is never acted on again, whatever its body says.
create table webhook_delivery (
  provider text not null,
  delivery_id text not null,
  event text not null,
  received_at timestamptz not null default now(),
  primary key (provider, delivery_id)
);

create table run (
  id text primary key,
  number bigserial not null unique,
  repository text not null references repository (name),
  ref text not null,
  branch text not null,
  pull_request integer,
  event text not null check (event in ('push', 'pull_request', 'manual')),
  commit text not null,
  subject text not null,
  author_name text not null,
  author_email text not null,
  state text not null check (state in ('queued', 'running', 'passed', 'failed', 'cancelled', 'held')),
  -- One sentence for people: why held, why failed.
  reason text,
  plan jsonb not null,
  signing text not null default 'none' check (signing in ('none', 'wanted', 'signed', 'refused')),
  signing_reason text,
  created_at timestamptz not null default now(),
  started_at timestamptz,
  finished_at timestamptz
);
create index run_newest on run (created_at desc);
create index run_to_sign on run (finished_at) where signing = 'wanted';
-- The same commit of the same ref is built once, however often the poll, a webhook or a second scheduler sees it.
create unique index run_once_per_head on run (repository, ref, commit) where event <> 'manual';

create table step (
  run_id text not null references run (id),
  position integer not null,
  name text not null,
  image text not null,
  state text not null
    check (state in ('queued', 'running', 'passed', 'failed', 'skipped', 'timed-out', 'cancelled')),
  exit_code integer,
  started_at timestamptz,
  finished_at timestamptz,
  primary key (run_id, position),
  unique (run_id, name)
);

create table job (
  id text primary key,
  run_id text not null unique references run (id),
  pool text not null,
  state text not null check (state in ('held', 'queued', 'leased', 'finished')),
  attempt integer not null default 1,
  -- Fencing token: grows with every claim, and every write of a runner names it.
  lease bigint not null default 0,
  runner text,
  lease_expires_at timestamptz,
  heartbeat_at timestamptz,
  isolation jsonb,
  -- What the log holds so far; a flood is cut off, not kept.
  log_bytes bigint not null default 0,
  created_at timestamptz not null default now()
);
create index job_to_claim on job (pool, created_at) where state = 'queued';
create index job_leased on job (lease_expires_at) where state = 'leased';

create table log_chunk (
  job_id text not null references job (id),
  lease bigint not null,
  sequence integer not null,
  step text not null,
  bytes bytea not null,
  received_at timestamptz not null default now(),
  primary key (job_id, lease, sequence)
);

create table artifact (
  run_id text primary key references run (id),
  -- Under which lease it was uploaded: what a lost runner left behind does not count.
  lease bigint not null,
  name text not null,
  digest text not null,
  size bigint not null,
  created_at timestamptz not null default now()
);

create table candidate (
  id text primary key,
  run_id text not null unique references run (id),
  builder text not null check (builder in ('main', 'pr')),
  -- The version name; builds of pull requests have none, because they are never released.
  release text unique,
  artifact_name text not null,
  artifact_digest text not null,
  artifact_size bigint not null,
  targets text[] not null,
  provenance text not null,
  provenance_payload_digest text not null,
  -- Null for pull requests: the signer can check what it states about main only.
  test_result text,
  created_at timestamptz not null default now(),
  check ((builder = 'main') = (release is not null)),
  check ((builder = 'main') = (test_result is not null))
);

create table promotion_request (
  id text primary key,
  candidate_id text not null references candidate (id),
  target text not null,
  reason text not null,
  requester_id text not null,
  requester_idp text not null,
  requester_name text not null,
  requested_at timestamptz not null default now(),
  state text not null default 'asked' check (state in ('asked', 'published', 'refused')),
  state_reason text,
  envelope text,
  bundle_digest text,
  bundle_size bigint,
  published_at timestamptz
);
create index promotion_request_asked on promotion_request (requested_at) where state = 'asked';

-- One writer at a time takes this row's lock, so that seq is dense and every hash has exactly one successor.
create table outbox_counter (
  id boolean primary key default true check (id),
  seq bigint not null,
  hash text not null
);
insert into outbox_counter (seq, hash) values (0, repeat('0', 64));

create table outbox_item (
  seq bigint primary key,
  id text not null unique references promotion_request (id),
  prev_hash text not null,
  hash text not null unique,
  -- Kept as the text that was hashed.
  created_at text not null,
  bundle_digest text not null,
  bundle_size bigint not null,
  artifact_digest text not null,
  artifact_size bigint not null,
  claimed_target text not null
);

create index outbox_item_bundle on outbox_item (bundle_digest);
create index outbox_item_artifact on outbox_item (artifact_digest);

-- What the gate reported, for this side's pages only.
create table promotion_status (
  id text primary key references promotion_request (id),
  state text not null,
  text text not null,
  codes text[] not null,
  promotion text,
  page text,
  at timestamptz not null,
  received_at timestamptz not null default now()
);

create table gate_contact (
  id boolean primary key default true check (id),
  seen_at timestamptz not null
);

create table web_session (sid_hash bytea primary key, person text not null, data jsonb not null, created_at timestamptz not null default now(), last_seen_at timestamptz not null default now(), expires_at timestamptz not null);
create table saml_login (request_id text primary key, binding_hash bytea not null, relay_state text not null unique, return_to text not null, expires_at timestamptz not null);
create table saml_assertion (assertion_id text primary key, expires_at timestamptz not null);
create table login_ticket (code_hash bytea primary key, identity jsonb not null, return_to text not null, expires_at timestamptz not null);
