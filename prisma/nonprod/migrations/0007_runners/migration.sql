-- Who may take jobs. A certificate opens the runner API only while its row here says so: a stolen key of the authority
-- makes certificates that nobody registered, and those are refused.
create table runner (
  id text primary key check (id ~ '^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$'),
  pool text not null,
  kind text not null check (kind in ('lasting', 'once')),
  state text not null default 'active' check (state in ('active', 'draining', 'quarantined', 'disabled')),
  state_reason text,
  state_by text,
  state_at timestamptz(6) not null,
  enrolled_at timestamptz(6) not null,
  last_seen_at timestamptz(6),
  -- Of the process that said hello last; another one that speaks has the same key in another place.
  instance text,
  version text,
  isolation text,
  labels text[] not null default '{}',
  -- When a registration for one job had it.
  spent_at timestamptz(6)
);

create table runner_certificate (
  -- SHA-256 of the DER, hex.
  fingerprint text primary key check (fingerprint ~ '^[0-9a-f]{64}$'),
  runner text not null references runner (id) on delete cascade,
  serial text not null unique,
  issued_at timestamptz(6) not null,
  not_after timestamptz(6) not null,
  retired_at timestamptz(6),
  retired_why text
);
create index runner_certificate_by_runner on runner_certificate (runner);

create table runner_token (
  id text primary key check (id ~ '^rtk_[0-9a-hjkmnp-tv-z]{10}$'),
  -- SHA-256, hex; 256 random bits need no slower hash.
  token_hash text not null unique,
  runner text not null,
  pool text not null,
  kind text not null check (kind in ('lasting', 'once')),
  created_by text not null,
  created_at timestamptz(6) not null,
  expires_at timestamptz(6) not null,
  spent_at timestamptz(6)
);

create table runner_enrolment (
  id text primary key check (id ~ '^enr_[0-9a-hjkmnp-tv-z]{10}$'),
  -- One token, one key.
  token_id text not null unique references runner_token (id),
  runner text not null,
  pool text not null,
  kind text not null check (kind in ('lasting', 'once')),
  csr text not null,
  key_fingerprint text not null,
  address text not null,
  asked_at timestamptz(6) not null,
  state text not null default 'waiting' check (state in ('waiting', 'accepted', 'refused')),
  decided_by text,
  decided_at timestamptz(6),
  chain text,
  check ((state = 'accepted') = (chain is not null))
);

-- What happened to runners, for the people who look after them.
create table runner_event (
  id bigserial primary key,
  runner text,
  kind text not null,
  text text not null,
  person text,
  at timestamptz(6) not null
);
create index runner_event_by_runner on runner_event (runner, id desc);

-- A run that a runner worked on which is not trusted any more. Marks stay: what was built does not become better.
create table run_taint (
  run_id text primary key references run (id),
  runner text not null,
  reason text not null,
  marked_by text not null,
  marked_at timestamptz(6) not null
);
