-- What the gate states over its own signature: a verification summary (SLSA VSA) for a promotion under its target file, or
-- for a refused item, and a statement for a delivery that is over. Verbatim DSSE; whoever relies on one verifies it.
create table attestation (
  -- SHA-256 of the payload: the subject of the ledger's attestation.issued.
  digest text primary key,
  kind text not null check (kind in ('vsa', 'delivery')),
  -- Promotion or delivery; for a refused item source/seq.
  about text not null,
  policy_digest text,
  result text check (result in ('PASSED', 'FAILED')),
  envelope bytea not null,
  issued_at timestamptz not null default now(),
  check ((kind = 'vsa') = (result is not null))
);
create unique index attestation_once on attestation (about, kind, coalesce(policy_digest, ''), coalesce(result, ''));
create trigger attestation_append_only before update or delete or truncate on attestation
  for each statement execute function ledger_append_only();

-- The authority asks every second for what lacks one; nearly all of these have theirs.
create index delivery_ended on delivery (finished_at) where state <> 'running';
create index intake_item_refused on intake_item (received_at) where outcome = 'refused';
