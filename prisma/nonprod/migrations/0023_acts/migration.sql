-- What people ask to change, written down before it is done; what came of it follows in a row of its own. A row without an
-- outcome is an act that the process did not live to finish.
create table act (
  id bigint generated always as identity primary key,
  request_id text not null unique,
  at timestamptz not null default now(),
  person text not null check (person <> ''),
  -- The name of the route, such as set-owners.
  deed text not null check (deed <> ''),
  path text not null check (octet_length(path) <= 2048),
  -- What the request's body named, such as a repository; never a value.
  object text check (octet_length(object) <= 256),
  address text not null,
  -- Of the program that came with it; null for a person in a browser.
  token text
);
create index act_person on act (person, id);
create index act_at on act (at);

create table act_outcome (
  act_id bigint primary key references act (id),
  at timestamptz not null default now(),
  status integer not null check (status between 100 and 599),
  -- Of a refusal.
  code text
);

create function acts_only_grow() returns trigger language plpgsql as $$
begin
  raise exception 'what was done stays written down: % on % refused', tg_op, tg_table_name;
end $$;
create trigger act_stays before update or delete on act for each row execute function acts_only_grow();
create trigger act_no_truncate before truncate on act for each statement execute function acts_only_grow();
create trigger act_outcome_stays before update or delete on act_outcome
  for each row execute function acts_only_grow();
create trigger act_outcome_no_truncate before truncate on act_outcome
  for each statement execute function acts_only_grow();
