-- The watchdog looks once more at what a login may have opened, when that login has ended.
create index minted_login_end on minted_login (expires_at);
create index vault_session_newest on vault_session (target, created_at desc);
