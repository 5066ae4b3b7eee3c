-- One role per process; applied after every migration run and idempotent. Set-up gives the roles LOGIN and a password.
do $$
declare
  role_name text;
begin
  foreach role_name in array array['gate_intake', 'gate_web', 'gate_authority', 'gate_deliverer', 'gate_watchdog', 'gate_audit'] loop
    if not exists (select from pg_roles where rolname = role_name) then
      execute format('create role %I nologin', role_name);
    end if;
    execute format('revoke all on all tables in schema public from %I', role_name);
    execute format('grant usage on schema public to %I', role_name);
  end loop;
end $$;

-- Everybody reads what a decision is made of; nobody but its owner writes it.
grant select on promotion, intake_item, passkey, approval, approval_withdrawal, replaced_document, stop, stop_lift, waiver_act, co_signature, delivery, vault_session, vault_credential, target_live, git_head,
  repository_freeze, configuration, rebuild, ledger_entry, ledger_tile, ledger_checkpoint, ledger_cosignature
  to gate_intake, gate_web, gate_authority, gate_deliverer, gate_watchdog;

-- Which process may record which entry: the trigger reads it as whoever records.
grant select on ledger_recorder to gate_intake, gate_web, gate_authority, gate_deliverer, gate_watchdog;

-- Each compares the standing secrets of its own; the deliverer also every credential, before a hook has it.
-- Web asks for a return and intake makes the promotion of it, or says why not.
grant select on return_request to gate_intake, gate_web;
grant insert on return_request to gate_web;
grant update (promotion_id, refusal) on return_request to gate_intake;

grant select on nonprod_secret_mark_set to gate_intake, gate_web, gate_authority, gate_deliverer, gate_watchdog;
grant insert, update on nonprod_secret_mark_set to gate_intake;

-- What a promotion rests on, read out of verified bytes by intake; everybody finds by it, nobody is believed for it.
grant select on promotion_trace, promotion_lockfile, promotion_contents, lockfile_package
  to gate_intake, gate_web, gate_authority, gate_deliverer, gate_watchdog;
grant insert on promotion_trace, promotion_lockfile, promotion_contents, lockfile_package to gate_intake;
grant update (state) on promotion_contents to gate_intake;

grant select, insert, update on outbox_cursor, intake_item to gate_intake;
grant insert on promotion to gate_intake;
grant update (state, state_reason, state_changed_at, version, document, promotion_digest, delta, policy_digest, hook, expires_at) on promotion to gate_intake;
grant insert on git_head, repository_freeze, configuration, replaced_document to gate_intake;
grant select, insert, update on promotion_newer to gate_intake;
grant select on promotion_newer to gate_web;
-- What rules on trial would have said; nobody decides by it.
grant select, insert, update on shadow_difference to gate_deliverer;
grant select on shadow_difference to gate_web;
-- What runs on each target, as its observe hook saw it last.
grant select, insert, update on target_observation to gate_deliverer;
grant select, insert, update, delete on target_look to gate_deliverer;
grant select on target_observation to gate_web;
-- The row is for pages: a freeze is over when the ledger says so.
grant delete on repository_freeze to gate_intake;
-- The only process that talks to a witness.
grant insert on ledger_cosignature to gate_intake;
grant insert on ledger_pending to gate_intake;

grant select on outbox_cursor, delivery_log to gate_web;
grant select, insert, update, delete on web_session, saml_login, saml_assertion, login_ticket, webauthn_challenge to gate_web;
grant insert on approval, approval_withdrawal, passkey, rebuild, stop, stop_lift, waiver_act, co_signature to gate_web;
-- That one was withdrawn is the ledger's to say; the row is for pages.
grant update (sign_count, last_used_at, revoked_at) on passkey to gate_web;
-- A row lock (for update) on the promotion orders approvals and starts; Postgres asks for an update right on some column.
grant update (version, state, state_reason, state_changed_at) on promotion to gate_web;
grant insert on ledger_pending to gate_web;

grant select, insert on minted_login to gate_authority;
grant insert on ledger_pending to gate_authority;
-- What the gate signs of its admissions and deliveries is the authority's to write; of a log it signs the digest.
grant select, insert on attestation to gate_authority;
grant select on delivery_log to gate_authority;
grant select on attestation to gate_web;

-- Web keeps what people ask and answer; intake reads who spoke, to tell them of what comes next.
grant insert, select on promotion_remark to gate_web;
grant select on promotion_remark to gate_intake;

-- The file of the emergency stop becomes a stop by its hand.
grant insert on stop to gate_deliverer;
grant insert, update on delivery to gate_deliverer;
-- Where a session's leases are and which login it has was checked when that login was minted, and is what is swept.
grant insert on vault_session, vault_credential to gate_deliverer;
grant update (state, accessor, attempts, last_error) on vault_session to gate_deliverer;
grant update (lease_id, holder, issued_at, dies_at, trial, tried_at) on vault_credential to gate_deliverer;
grant insert, select on delivery_log to gate_deliverer;
grant insert, update on target_live to gate_deliverer;
grant update (version, state, state_reason, state_changed_at) on promotion to gate_deliverer;
grant insert on ledger_pending to gate_deliverer;

grant select, insert, delete on ledger_pending to gate_watchdog;
-- Of a target whose break-glass was not looked at in time.
grant insert on stop to gate_watchdog;
grant insert on ledger_entry, ledger_checkpoint to gate_watchdog;
grant insert, update on ledger_tile to gate_watchdog;
grant update on vault_session, vault_credential to gate_watchdog;
-- The watchdog uses up the one login of a session that it ends, so that no later mint can open it again.
grant select, insert on minted_login to gate_watchdog;
-- A crash after the hook's recorded success leaves it to the watchdog to say that the release is live.
grant insert, update on target_live to gate_watchdog;
grant update on delivery to gate_watchdog;
grant update (version, state, state_reason, state_changed_at) on promotion to gate_watchdog;
grant insert, select on delivery_log to gate_watchdog;

-- Whoever changes something says that it is to be told; intake alone decides to whom, and sends.
grant insert on notification to gate_intake, gate_web, gate_deliverer, gate_watchdog;
grant select on notification, dispatch, notification_choice to gate_intake, gate_web;
grant update (addressed_at) on notification to gate_intake;
grant insert, update on dispatch to gate_intake;
grant select, insert, update on notification_cursor to gate_intake;
grant insert, update on notification_choice to gate_web;

grant select on ledger_entry, ledger_tile, ledger_checkpoint, ledger_cosignature to gate_audit;
-- What `airlock policy replay` judges again: who decided what when, and never what they signed it with or why.
grant select (id, target, release, state, state_changed_at, subject_name, repository, pipeline, builder_id, key_ids,
  artifact_digest, built_at, requester, admitted_at, reproduce, document, delta) on promotion to gate_audit;
grant select (id, promotion_id, person, decision, promotion_digest, created_at) on approval to gate_audit;
grant select (approval_id, withdrawn_at) on approval_withdrawal to gate_audit;
grant select (promotion_id, target, state, started_at, finished_at) on delivery to gate_audit;
grant select (promotion_id, builder_id, subject_digest, key_id, received_at) on rebuild to gate_audit;
grant select (signers, seen_at) on configuration to gate_audit;
