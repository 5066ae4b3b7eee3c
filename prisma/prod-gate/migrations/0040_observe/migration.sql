-- What the observe hook of each target saw last, beside what the ledger proved live then: one row a target. For pages, and for
-- telling only what has changed; it decides nothing about deliveries.
create table target_observation (
  target text primary key,
  delivery_id text not null,
  artifact_digest text not null check (artifact_digest ~ '^[0-9a-f]{64}$'),
  sight text not null check (sight in ('same', 'other', 'unknown')),
  running text[] not null check (cardinality(running) <= 16),
  reason text check (char_length(reason) <= 1000),
  since timestamptz(6) not null,
  looked_at timestamptz(6) not null,
  next_at timestamptz(6) not null,
  seen_at timestamptz(6),
  unknown_in_a_row integer not null check (unknown_in_a_row >= 0),
  told text check (told in ('drifted', 'unobserved')),
  told_id text,
  check ((sight = 'unknown') = (reason is not null)),
  check ((sight = 'unknown') = (unknown_in_a_row > 0)),
  check ((told is null) = (told_id is null))
);

-- Who looks at a target now, so that no two do; over by itself when a deliverer is killed.
create table target_look (
  target text primary key,
  id text not null,
  until timestamptz(6) not null
);

insert into ledger_recorder (process, type) values
  ('gate_deliverer', 'target.drifted'),
  ('gate_deliverer', 'target.unobserved'),
  ('gate_deliverer', 'target.settled');
