-- Low-value secrets of builds. Nothing here opens without the key-encryption key, which is kept elsewhere. What is bound
-- to a row (project, ids, name, version) is not stored a second time: a row that is moved opens no more.

-- A project's keys: one that wraps what is new, and older ones until nothing is wrapped by them any more.
create table project_dek (
  id text primary key check (id ~ '^dek_[0-9a-hjkmnp-tv-z]{10}$'),
  project text not null,
  -- By the key-encryption key; its head names keeper and version.
  wrapped text not null,
  is_active boolean not null,
  created_at timestamptz(6) not null default now()
);
create unique index project_dek_one_active on project_dek (project) where is_active;

create table secret (
  id text primary key check (id ~ '^sec_[0-9a-hjkmnp-tv-z]{10}$'),
  project text not null,
  name text not null,
  description text not null,
  -- Whoever sets a secret says so. A credential of production has no place here.
  low_value boolean not null check (low_value),
  unique (project, name)
);

-- Who set what when is kept; the value of a version that was replaced or erased is not.
create table secret_version (
  secret_id text not null references secret (id),
  version integer not null check (version > 0),
  ciphertext bytea,
  set_by text not null,
  set_at timestamptz(6) not null default now(),
  erased_by text,
  erased_at timestamptz(6),
  primary key (secret_id, version),
  check ((ciphertext is null) = (erased_at is not null) and (erased_at is null) = (erased_by is null))
);

-- Deleting a row here is what erases a value, wherever copies of its ciphertext are.
create table secret_dek (
  secret_id text not null,
  version integer not null,
  project_dek_id text not null references project_dek (id),
  wrapped bytea not null,
  primary key (secret_id, version),
  foreign key (secret_id, version) references secret_version (secret_id, version)
);
create index secret_dek_by_project_dek on secret_dek (project_dek_id);

-- What a build was given in sealed boxes opens until this row is deleted, at its end.
create table build_dek (
  run_id text primary key references run (id),
  project text not null,
  project_dek_id text not null references project_dek (id),
  wrapped bytea not null,
  created_at timestamptz(6) not null default now()
);
create index build_dek_by_project_dek on build_dek (project_dek_id);
