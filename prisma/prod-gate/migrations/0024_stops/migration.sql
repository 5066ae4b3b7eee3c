-- Stops that people placed. The row counts at once; the ledger, which has the same facts, counts also when the row is gone. A stop
-- is over when its time is, or when the authority has recorded that two people lifted it: no column says so.
create table stop (
  id text primary key,
  -- SHA-256 of its canonical bytes, which are what is signed when it is lifted.
  digest text not null check (digest ~ '^[0-9a-f]{64}$'),
  kind text not null check (kind in ('freeze', 'stop-all', 'quarantine', 'distrust-signer', 'cut-pair')),
  -- None: all.
  targets text[] not null,
  -- What a quarantine or a distrusted signer is about, such as key:… or commit:….
  matter text,
  since timestamptz(3),
  until timestamptz(3),
  -- Promotions that a freeze lets through.
  except_for text[] not null,
  reason text not null check (reason <> ''),
  person text not null,
  placed_at timestamptz(3) not null
);
create index stop_newest on stop (placed_at desc);

-- That somebody asks to lift a stop, signed with their passkey; verified from these bytes by the authority.
create table stop_lift (
  stop_id text not null references stop (id),
  person text not null,
  statement bytea not null,
  credential_id text not null,
  authenticator_data text not null,
  client_data_json text not null,
  signature text not null,
  sign_count_before bigint not null,
  nonce text not null unique,
  signed_at timestamptz(3) not null,
  primary key (stop_id, nonce)
);

create function stop_append_only() returns trigger language plpgsql as $$
begin
  raise exception 'a stop is lifted by two people, not by a change of its row: % on % refused', tg_op, tg_table_name;
end $$;
create trigger stop_append_only before update or delete on stop
  for each statement execute function stop_append_only();
create trigger stop_lift_append_only before update or delete on stop_lift
  for each statement execute function stop_append_only();

alter table webauthn_challenge drop constraint webauthn_challenge_kind_check;
alter table webauthn_challenge add constraint webauthn_challenge_kind_check check (kind in ('enrolment', 'approval', 'lift'));
