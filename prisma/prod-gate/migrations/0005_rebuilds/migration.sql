-- How many builders the release file at the commit asks for; it decides who is asked to build again. Whether enough of them
-- agree is decided by authority and deliverer, who read the file in their own mirror.
alter table promotion add column reproduce integer not null default 1 check (reproduce between 1 and 8);

-- What builders that were asked to build again handed back: their signed envelopes as they came. One builder may say two
-- things of one promotion, and then both are kept.
create table rebuild (
  promotion_id text not null references promotion (id),
  builder_id text not null,
  -- SHA-256 of what it made.
  subject_digest text not null check (subject_digest ~ '^[0-9a-f]{64}$'),
  key_id text not null,
  -- A DSSE envelope of SLSA provenance, one line; decisions verify it and read nothing else of the row.
  envelope bytea not null check (octet_length(envelope) between 1 and 262144),
  -- The same for its list of what differs; null when nothing does.
  difference bytea check (octet_length(difference) between 1 and 262144),
  received_at timestamptz not null default now(),
  primary key (promotion_id, builder_id, subject_digest)
);

create function rebuild_append_only() returns trigger language plpgsql as $$
begin
  raise exception 'what a rebuilder said is not changed: % on rebuild refused', tg_op;
end $$;
create trigger rebuild_append_only before update or delete on rebuild
  for each statement execute function rebuild_append_only();
