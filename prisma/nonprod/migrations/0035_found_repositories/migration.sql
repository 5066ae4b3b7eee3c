-- What an organisation at a forge has, as its forge listed it last. Nothing of it is built before somebody or a rule adds it.
create table forge_source (
  -- Host and organisation, such as github.com/shop.
  name text primary key,
  provider text not null,
  -- Whether the configuration names it still.
  configured boolean not null,
  looked_at timestamptz,
  failing text,
  -- The forge wants to be left alone until then.
  resumes_at timestamptz
);
create table found_repository (
  source text not null references forge_source (name),
  -- What the forge never gives to another repository.
  forge_id text not null,
  path text not null,
  -- Before it was renamed or moved.
  path_was text,
  clone_url text not null,
  main_branch text,
  archived boolean not null,
  private boolean not null,
  gone boolean not null,
  found_at timestamptz not null default now(),
  -- Under which name it is built here.
  repository text references repository (name),
  -- Why a rule did not add it.
  not_added text,
  primary key (source, forge_id)
);
