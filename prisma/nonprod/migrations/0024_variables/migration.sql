-- Public by definition: everybody who signs in reads them, and everything that is built. What is secret is in `secret`.
create table variable (
  -- A repository's name; '*': all repositories.
  scope text not null check (scope <> ''),
  name text not null check (name ~ '^[A-Z][A-Z0-9_]{0,62}$'),
  value text not null check (octet_length(value) <= 8192),
  -- Why it is kept although it looks like a secret; null where it does not.
  public_because text check (public_because <> ''),
  set_by text not null,
  set_at timestamptz not null default now(),
  primary key (scope, name)
);

-- Who changed which, without values: the act says when and from where too.
create table variable_change (
  id bigint generated always as identity primary key,
  scope text not null,
  name text not null,
  change text not null check (change in ('set', 'removed')),
  -- What it looked like, and why it is kept nevertheless.
  looked_like text,
  public_because text,
  changed_by text not null,
  changed_at timestamptz not null default now(),
  check ((looked_like is null) = (public_because is null))
);
create trigger variable_change_stays before update or delete on variable_change
  for each row execute function acts_only_grow();
create trigger variable_change_no_truncate before truncate on variable_change
  for each statement execute function acts_only_grow();
