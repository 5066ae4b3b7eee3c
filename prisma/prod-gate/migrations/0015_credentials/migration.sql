-- A delivery may read several credentials, of kinds that end differently. Their rows are written with the session's intent,
-- so that whoever finds the session knows every place at Vault where something of it may live.
create table vault_credential (
  session_id text not null references vault_session (id),
  name text not null,
  -- Order in which they are read.
  place smallint not null,
  kind text not null check (kind in ('database', 'aws', 'ssh', 'pki', 'kv')),
  path text not null,
  ending text not null check (ending in ('revocable', 'ttl-only', 'by-hand')),
  lease_id text,
  -- What it is known by outside: a Postgres role, a serial, a key id. Never what opens anything.
  holder text,
  issued_at timestamptz,
  -- When it ends without anybody's help; null for what does not.
  dies_at timestamptz,
  gone_at timestamptz,
  primary key (session_id, name)
);
insert into vault_credential (session_id, name, place, kind, path, ending, lease_id, holder, issued_at, dies_at, gone_at)
  select id, 'db', 0, 'database', database_mount || '/creds/' || database_role, 'revocable', lease_ids[1], role_name,
    issued_at, case when issued_at is not null then deadline end, revoked_at
  from vault_session;
alter table vault_session
  drop column database_mount, drop column database_role, drop column lease_ids, drop column role_name,
  drop column role_gone, drop column issued_at;
