-- The gate's database. Postgres is the truth; rows are not evidence: authority and deliverer verify the signed bytes
-- kept here (bundle, approval.*) again before anything happens to production.

create table outbox_cursor (
  source text primary key,
  seq bigint not null,
  item_hash text not null,
  polled_at timestamptz not null,
  head bigint not null default 0
);

-- One row per item pulled from nonprod, admitted or refused.
create table intake_item (
  source text not null,
  seq bigint not null,
  item_hash text not null,
  request_id text not null,
  claimed_target text not null,
  bundle_digest text not null,
  artifact_digest text not null,
  received_at timestamptz not null default now(),
  outcome text not null check (outcome in ('admitted', 'refused')),
  code text,
  detail text,
  promotion_id text,
  reported_state text,
  primary key (source, seq)
);
create index intake_item_promotion on intake_item (promotion_id);

create table promotion (
  id text primary key,
  target text not null,
  release text not null,
  state text not null check (state in ('waiting', 'delivering', 'live', 'failed', 'indeterminate', 'expired', 'superseded', 'rejected')),
  state_reason text,
  state_changed_at timestamptz not null default now(),
  version integer not null default 1,
  subject_name text not null,
  artifact_digest text not null,
  artifact_size bigint not null,
  repository text not null,
  commit text not null,
  main_position integer not null,
  pipeline text not null,
  builder_id text not null,
  key_ids text[] not null,
  invocation_id text not null,
  built_at timestamptz not null,
  requester text not null,
  requester_idp text not null,
  reason text not null,
  requested_at timestamptz not null,
  admitted_at timestamptz not null default now(),
  expires_at timestamptz not null,
  bundle bytea not null,
  bundle_digest text not null,
  envelope_digest text not null,
  provenance_digest text not null,
  policy_digest text not null,
  hook text not null,
  -- Canonical JSON that approvals sign (packages/common/src/promotion/document.ts) and its SHA-256.
  document bytea not null,
  promotion_digest text not null,
  delta jsonb not null
);
create index promotion_state on promotion (state, target);
create index promotion_invocation on promotion (invocation_id);
-- A provenance counts once for a target. When its promotion came to nothing it may be asked for again, in a new request;
-- the very same bundle never (that is a replay).
create unique index promotion_envelope_target on promotion (envelope_digest, target)
  where state in ('waiting', 'delivering', 'live', 'indeterminate');
create unique index promotion_bundle_target on promotion (bundle_digest, target);

create table passkey (
  credential_id text primary key,
  person text not null,
  label text not null,
  public_key_pem text not null,
  cose_public_key bytea not null,
  rp_id text not null,
  origin text not null,
  sign_count bigint not null,
  enrolled_at timestamptz not null default now(),
  last_used_at timestamptz,
  revoked_at timestamptz,
  -- SHA-256 of the canonical enrolment record; authority and deliverer want it in the ledger (A21: a row alone enrols nobody).
  enrolment_digest text not null
);

-- One row per ceremony begun; consumed (deleted) by the decision that uses it, so a nonce counts once.
create table webauthn_challenge (
  nonce text primary key,
  kind text not null check (kind in ('enrolment', 'approval')),
  person text not null,
  promotion_id text references promotion (id),
  statement bytea,
  expires_at timestamptz not null
);

create table approval (
  id text primary key,
  promotion_id text not null references promotion (id),
  person text not null,
  decision text not null check (decision in ('approve', 'reject')),
  note text not null default '',
  promotion_digest text not null,
  -- Verbatim as the browser gave them, so that anybody can verify them again; null for a rejection, which needs no passkey.
  statement bytea,
  credential_id text references passkey (credential_id),
  authenticator_data text,
  client_data_json text,
  signature text,
  sign_count_before bigint,
  nonce text unique,
  created_at timestamptz not null default now(),
  check (decision = 'reject' or (statement is not null and credential_id is not null and signature is not null and nonce is not null))
);
create index approval_promotion on approval (promotion_id);

create table delivery (
  id text primary key,
  promotion_id text not null unique references promotion (id),
  target text not null,
  state text not null check (state in ('running', 'succeeded', 'failed', 'indeterminate')),
  step text not null,
  fence integer not null,
  owner text not null,
  heartbeat_at timestamptz not null,
  started_at timestamptz not null default now(),
  -- Leaf hash (hex) of the ledger entry delivery.intent.
  intent_digest text not null,
  hook_started_at timestamptz,
  hook_finished_at timestamptz,
  hook_exit integer,
  hook_result jsonb,
  finished_at timestamptz,
  outcome_reason text
);
-- Nothing else is delivered to a target while a delivery runs there.
create unique index delivery_running on delivery (target) where state = 'running';

create table delivery_log (
  delivery_id text not null references delivery (id),
  sequence integer not null,
  at timestamptz not null default now(),
  stream text not null check (stream in ('gate', 'stdout', 'stderr')),
  line text not null,
  primary key (delivery_id, sequence)
);

create table vault_session (
  id text primary key,
  delivery_id text not null references delivery (id),
  target text not null,
  fence integer not null,
  state text not null check (state in ('INTENT', 'TOKEN', 'LEASED', 'REVOKING', 'REVOKE_PENDING', 'CLEAN')),
  jwt_mount text not null,
  database_mount text not null,
  database_role text not null,
  jwt_expires_at timestamptz not null,
  deadline timestamptz not null,
  accessor text,
  lease_ids text[] not null default '{}',
  -- The Postgres role that the credential names, so that a page and the reaper can say whether it is gone.
  role_name text,
  created_at timestamptz not null default now(),
  issued_at timestamptz,
  revoked_at timestamptz,
  role_gone boolean,
  attempts integer not null default 0,
  last_error text
);
create unique index vault_session_live on vault_session (target) where state <> 'CLEAN';
create index vault_session_delivery on vault_session (delivery_id);

-- At most one login is minted for a session; written by the authority before the signature leaves it.
create table minted_login (
  session_id text primary key,
  delivery_id text not null,
  minted_at timestamptz not null default now(),
  expires_at timestamptz not null
);

create table target_live (
  target text primary key,
  promotion_id text not null references promotion (id),
  delivery_id text not null references delivery (id),
  release text not null,
  artifact_digest text not null,
  commit text not null,
  main_position integer not null,
  since timestamptz not null
);

create table git_head (
  repository text not null,
  commit text not null,
  position integer not null,
  seen_at timestamptz not null default now(),
  primary key (repository, commit)
);

-- Set when the mirror sees main rewritten; nothing of that repository is admitted or delivered while it stands.
create table repository_freeze (
  repository text primary key,
  reason text not null,
  since timestamptz not null default now()
);

create table web_session (
  sid_hash bytea primary key,
  person text not null,
  data jsonb not null,
  created_at timestamptz not null default now(),
  last_seen_at timestamptz not null default now(),
  expires_at timestamptz not null
);
create table saml_login (
  request_id text primary key,
  binding_hash bytea not null,
  relay_state text not null unique,
  return_to text not null,
  expires_at timestamptz not null
);
create table saml_assertion (assertion_id text primary key, expires_at timestamptz not null);
create table login_ticket (
  code_hash bytea primary key,
  identity jsonb not null,
  return_to text not null,
  expires_at timestamptz not null
);

-- The ledger: RFC 6962 leaves in C2SP tlog-tiles form. Use cases insert into ledger_pending in the transaction of the
-- state change; the watchdog alone moves entries, rewrites tiles and signs checkpoints, in one transaction.
create table ledger_pending (
  id bigint generated always as identity primary key,
  body bytea not null check (octet_length(body) between 1 and 65535)
);
create table ledger_entry (
  idx bigint primary key,
  body bytea not null check (octet_length(body) between 1 and 65535),
  leaf_hash bytea not null unique check (leaf_hash = sha256('\x00'::bytea || body)),
  -- Taken from the body so that an entry can be found; whoever relies on an entry reads its body and its proof.
  type text not null,
  subject_digest text not null,
  sequenced_at timestamptz not null default now()
);
create index ledger_entry_subject on ledger_entry (subject_digest, type);
create table ledger_tile (
  level integer not null,
  n bigint not null,
  hashes bytea not null check (octet_length(hashes) % 32 = 0 and octet_length(hashes) between 32 and 8192),
  primary key (level, n)
);
create table ledger_checkpoint (
  size bigint primary key,
  root bytea not null check (octet_length(root) = 32),
  note text not null,
  signed_at timestamptz not null default now()
);

create function ledger_append_only() returns trigger language plpgsql as $$
begin
  raise exception 'ledger is append-only: % on % refused', tg_op, tg_table_name;
end $$;
create trigger ledger_entry_append_only before update or delete or truncate on ledger_entry
  for each statement execute function ledger_append_only();
create trigger ledger_checkpoint_append_only before update or delete or truncate on ledger_checkpoint
  for each statement execute function ledger_append_only();
create trigger ledger_tile_no_delete before delete or truncate on ledger_tile
  for each statement execute function ledger_append_only();

create function ledger_entry_is_dense() returns trigger language plpgsql as $$
begin
  if new.idx <> coalesce((select max(idx) + 1 from ledger_entry), 0) then
    raise exception 'ledger index % leaves a gap', new.idx;
  end if;
  return new;
end $$;
create trigger ledger_entry_dense before insert on ledger_entry
  for each row execute function ledger_entry_is_dense();

create function ledger_tile_only_grows() returns trigger language plpgsql as $$
begin
  if octet_length(new.hashes) < octet_length(old.hashes)
     or substring(new.hashes from 1 for octet_length(old.hashes)) <> old.hashes
     or new.level <> old.level or new.n <> old.n then
    raise exception 'ledger tile %/% may only grow', old.level, old.n;
  end if;
  return new;
end $$;
create trigger ledger_tile_grows before update on ledger_tile
  for each row execute function ledger_tile_only_grows();
