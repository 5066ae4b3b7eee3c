-- Who wants to become administrator for the first time, which administrator said yes once, and who took it back.
create table administrator_wish (
  id bigint generated always as identity primary key,
  person text not null,
  reason text not null check (length(reason) between 1 and 500),
  asked_at timestamptz not null default now(),
  admitted_by text check (admitted_by <> person),
  admitted_at timestamptz,
  withdrawn_by text,
  withdrawn_at timestamptz,
  check ((admitted_by is null) = (admitted_at is null)),
  check ((withdrawn_by is null) = (withdrawn_at is null))
);
create unique index administrator_wish_open on administrator_wish (person) where withdrawn_at is null;

-- A yes is said once and taken back once; neither is unsaid or put into another's mouth.
create function administrator_wish_once() returns trigger language plpgsql as $$
begin
  if (old.admitted_at is not null and (new.admitted_by, new.admitted_at) is distinct from (old.admitted_by, old.admitted_at))
    or old.withdrawn_at is not null then
    raise exception 'what was said of an administrator stands';
  end if;
  return new;
end $$;
create trigger administrator_wish_once before update on administrator_wish
  for each row execute function administrator_wish_once();

-- Whoever was administrator before a second one was asked is no newcomer; any administrator may take it back.
insert into administrator_wish (person, reason, admitted_by, admitted_at)
select distinct person, 'was administrator before a second one was asked', 'migration 0040', now() from elevation
where person <> 'migration 0040';
