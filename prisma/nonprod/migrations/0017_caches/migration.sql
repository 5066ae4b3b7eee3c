-- Directories that steps keep between runs. One entry a repository, level of trust and key, written once; its tar lies in a
-- directory of the web process under its digest.
create table cache_entry (
  repository text not null references repository (name),
  level smallint not null check (level between 0 and 3),
  key text not null check (key ~ '^[0-9a-f]{64}$'),
  digest text not null check (digest ~ '^[0-9a-f]{64}$'),
  size bigint not null check (size >= 0),
  written_by text not null references job (id),
  written_at timestamptz(6) not null default now(),
  read_at timestamptz(6) not null default now(),
  primary key (repository, level, key)
);
create index cache_entry_oldest on cache_entry (repository, read_at);
create index cache_entry_by_digest on cache_entry (digest);
