-- Signed configurations as intake met them, verbatim, so that an auditor can ask what was in force when. No evidence by
-- itself: a decision asks the ledger for configuration.changed.
create table configuration (
  serial bigint primary key,
  digest text not null unique,
  previous text,
  signers text[] not null,
  -- The DSSE envelope of the manifest.
  envelope bytea not null,
  seen_at timestamptz not null default now()
);
create trigger configuration_append_only before update or delete or truncate on configuration
  for each statement execute function ledger_append_only();

-- Every decision asks for the newest of these few among all entries.
create index ledger_entry_configuration on ledger_entry (idx) where type = 'configuration.changed';
