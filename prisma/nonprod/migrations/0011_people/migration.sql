-- Everybody who ever signed in, as the identity provider said it last: what a program that comes with a person's token may
-- do is what that person might do then.
create table person (
  -- NameID; an address or a number, whatever the identity provider keeps for ever.
  id text primary key,
  idp text not null,
  name text not null,
  groups text[] not null,
  seen_at timestamptz(6) not null default now()
);

create table api_token (
  id text primary key check (id ~ '^tok_[0-9a-hjkmnp-tv-z]{10}$'),
  person text not null references person (id),
  name text not null,
  -- SHA-256; the token itself is shown once and not kept.
  hash bytea not null unique check (length(hash) = 32),
  scopes text[] not null check (cardinality(scopes) > 0),
  -- CIDR; empty: from anywhere.
  networks text[] not null,
  created_at timestamptz(6) not null default now(),
  expires_at timestamptz(6) not null,
  last_used_at timestamptz(6),
  revoked_at timestamptz(6),
  check (expires_at <= created_at + interval '90 days 1 minute')
);
create index api_token_by_person on api_token (person, created_at desc);
