-- Marks of the secrets that nonprod keeps: HMAC-SHA256 under a key that the gate drew for this answer alone. By them the gate
-- tells a credential of its own that nonprod has too, and nothing of the gate's goes to nonprod for it.
create table nonprod_secret_mark_set (
  -- Name of the outbox; the last answer replaces the one before.
  source text primary key,
  key bytea not null check (octet_length(key) = 32),
  -- [{ "secret": "project/NAME", "mark": "64 hexadecimal digits" }]
  marks jsonb not null,
  taken_at timestamptz(6) not null
);
