-- The watchdog looks once more at a session when no read of it can be under way at Vault any more.
create index vault_session_revoked on vault_session (revoked_at) where state = 'CLEAN';
