-- Vault saying that it lists no lease is its word alone. Where the deliverer itself logs in at the target (a database that an
-- egress authenticates at), it tries the login once more when it has revoked it, and the watchdog waits for what it saw.
alter table vault_credential
  add column trial text check (trial in ('due', 'refused', 'works', 'unknown')),
  add column tried_at timestamptz;
