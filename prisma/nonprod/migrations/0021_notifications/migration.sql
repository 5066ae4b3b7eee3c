-- What is told to people. Told once for each event: the id is made of what happened, such as ledger:17.
create table notification (
  id text primary key check (id <> '' and octet_length(id) <= 256),
  -- What belongs together: a later notification of the same thread follows up the earlier.
  thread text not null check (thread <> '' and octet_length(thread) <= 256),
  type text not null check (type ~ '^[a-z-]+[.][a-z-]+$'),
  title text not null check (octet_length(title) <= 2048),
  lines text[] not null check (cardinality(lines) <= 20),
  -- A page of this service; only who sends puts the origin before it.
  path text not null check (path ~ '^/'),
  -- The target or repository whose rules say who is told; null for the whole installation.
  about text,
  -- Who did it, and so need not be told.
  actor text,
  occurred_at timestamptz not null,
  -- Null until the rules said who is told.
  addressed_at timestamptz
);
create index notification_unaddressed on notification (occurred_at) where addressed_at is null;
create index notification_thread on notification (thread);

-- One notification to one recipient by one channel.
create table dispatch (
  notification_id text not null references notification (id),
  channel text not null check (channel <> ''),
  -- An address where the channel is mail; empty where the channel is one place.
  recipient text not null,
  person text,
  state text not null default 'waiting' check (state in ('waiting', 'sent', 'dead')),
  tries integer not null default 0,
  next_at timestamptz not null default now(),
  error text,
  settled_at timestamptz,
  primary key (notification_id, channel, recipient),
  check ((state = 'waiting') = (settled_at is null)),
  check (state <> 'dead' or error is not null)
);
create index dispatch_due on dispatch (next_at) where state = 'waiting';

-- What a person chose for themselves; without a row nobody writes to them, for this service knows no addresses.
create table notification_choice (
  person text primary key references person (id),
  address text not null check (address <> '' and octet_length(address) <= 254),
  mail boolean not null,
  chosen_at timestamptz not null default now()
);

-- Who is told of a repository's runs; without a row nobody is.
create table notification_rule (
  repository text primary key references repository (name),
  authors boolean not null,
  owners boolean not null,
  channels text[] not null check (cardinality(channels) <= 8),
  set_by text not null,
  set_at timestamptz not null default now()
);
