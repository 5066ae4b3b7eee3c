-- Who is administrator: of those who may be, whoever took it up, in the session that they took it up in, and for an hour at most.
create table elevation (
  id bigint generated always as identity primary key,
  -- As web_session has it. No foreign key: what was taken up is known for longer than the session.
  sid_hash bytea not null,
  person text not null,
  reason text not null check (length(reason) between 1 and 500),
  began_at timestamptz not null default now(),
  ends_at timestamptz not null,
  -- When the person ended it before its time.
  ended_at timestamptz,
  check (ends_at > began_at and ends_at <= began_at + interval '1 hour')
);
create unique index elevation_open on elevation (sid_hash) where ended_at is null;

-- A token counts as an administrator's when its owner was one as they made it; none that was made before did.
alter table api_token add column administers boolean not null default false;
