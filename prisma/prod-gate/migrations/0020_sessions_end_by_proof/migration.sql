-- Whoever holds a credential is not asked whether it is gone. The deliverer begins a session and asks for its end; from there on
-- it is the watchdog's, who alone says that it is clean.
create function vault_session_ends_by_proof() returns trigger language plpgsql as $$
begin
  -- Null where a role does not exist. A superuser is everybody, and no process is one.
  if pg_has_role(current_user, to_regrole('gate_deliverer')::oid, 'usage')
    and not pg_has_role(current_user, to_regrole('gate_watchdog')::oid, 'usage')
    and (case
      when tg_op = 'INSERT' then new.state <> 'INTENT' or new.accessor is not null
      when old.state in ('REVOKING', 'REVOKE_PENDING') then new.state <> 'REVOKE_PENDING'
      else old.state = 'CLEAN' or new.state = 'CLEAN'
    end)
  then
    raise exception 'vault_session: % may not write %; that a session is clean is the watchdog''s to prove', current_user, new.state
      using errcode = 'insufficient_privilege';
  end if;
  return new;
end $$;
create trigger vault_session_ends_by_proof before insert or update on vault_session
  for each row execute function vault_session_ends_by_proof();
