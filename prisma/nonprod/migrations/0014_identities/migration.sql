-- Whose account at a forge is whose here, and which groups a repository belongs to: together they say who is a member.

create table linked_account (
  provider text not null check (provider in ('github', 'bitbucket')),
  -- Of the forge: numbers of two installations are not each other's.
  host text not null,
  -- The number or uuid that the forge never gives to another account.
  account text not null check (account <> ''),
  person text not null references person (id),
  -- As the forge showed it then; for people to read, and never compared.
  name text not null,
  linked_at timestamptz(6) not null default now(),
  primary key (provider, host, account)
);
create index linked_account_of_person on linked_account (person);

-- A linking that was begun: good once, for the person who began it.
create table link_wish (
  state_hash bytea primary key check (length(state_hash) = 32),
  person text not null references person (id),
  host text not null,
  -- PKCE; worth nothing without the code that the forge gives to the same browser.
  verifier text not null,
  expires_at timestamptz(6) not null
);

-- Names of groups exactly as the identity provider sends them.
create table repository_group (
  repository text not null references repository (name),
  group_name text not null,
  -- own: everything that their role may. launch: look at it and start runs, and change nothing.
  grants text not null check (grants in ('own', 'launch')),
  set_by text not null,
  set_at timestamptz(6) not null default now(),
  primary key (repository, group_name)
);
