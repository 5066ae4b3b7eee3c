-- Wakes the watchdog when a delivery asks for its credential to be revoked. A bell that is lost costs half a second, never a
-- revocation: the watchdog also looks by itself.
create function vault_session_rings() returns trigger language plpgsql as $$
begin
  notify session_revoking;
  return null;
end $$;
create trigger vault_session_bell after update of state on vault_session
  for each row when (new.state = 'REVOKING' and old.state is distinct from new.state)
  execute function vault_session_rings();

-- The page of leases shows the newest; what is not clean has an index of its own.
create index vault_session_past on vault_session (created_at desc) where state = 'CLEAN';
