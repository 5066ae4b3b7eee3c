-- One role per process; applied after every migration run and idempotent. Set-up gives the roles LOGIN and a password.
do $$
declare
  role_name text;
begin
  foreach role_name in array array['nonprod_web', 'nonprod_scheduler', 'nonprod_outbox'] loop
    if not exists (select from pg_roles where rolname = role_name) then
      begin
        execute format('create role %I nologin', role_name);
      exception
        -- Roles belong to the whole server: another database's migration may have made it just now.
        when duplicate_object or unique_violation then
          raise notice 'role % is there already', role_name;
      end;
    end if;
    execute format('revoke all on all tables in schema public from %I', role_name);
    execute format('revoke all on all sequences in schema public from %I', role_name);
    execute format('grant usage on schema public to %I', role_name);
  end loop;
end $$;

-- The web process shows everything, serves runners, and takes down what people ask for; it signs and publishes nothing.
grant select on repository, git_head, run, step, job, artifact, candidate, promotion_request,
  promotion_status, gate_contact to nonprod_web;
-- Webhooks are taken down as they come, and read by the scheduler.
grant insert, select on webhook_delivery, webhook_refusal to nonprod_web;
grant usage on sequence webhook_delivery_id_seq to nonprod_web;
grant update (count, last_at, last_from) on webhook_refusal to nonprod_web;
grant select on pull_request, commit_status to nonprod_web;
grant select, insert on run_request, run_cancel to nonprod_web;
grant select on run_cancel to nonprod_scheduler;
grant insert on repository to nonprod_web;
grant update (clone_url, provider, main_branch, protected_refs, branches, build_latest, hook_generation, private,
  labels)
  on repository to nonprod_web;
grant select, insert, update, delete on schedule to nonprod_web;
grant update (state, reason, started_at, finished_at, signing, attestation) on run to nonprod_web;
grant update (state, exit_code, started_at, finished_at) on step to nonprod_web;
grant update (state, outcome, reason, started_at, finished_at, lease, runner, lease_expires_at, heartbeat_at, isolation, egress) on job to nonprod_web;
grant update on artifact to nonprod_web;
grant insert on artifact, promotion_request to nonprod_web;
grant select, insert, update, delete on web_session, saml_login, saml_assertion, login_ticket to nonprod_web;

-- Logs are files of the web process; what is decided about them are rows.
grant select, insert, delete on log_hold to nonprod_web;
grant select, insert on log_deletion to nonprod_web;

-- The only process that keeps secrets, and the only one that the keeper of their key lets in: no other reads even names.
grant select, insert on project_dek, secret, secret_version, secret_dek, build_dek to nonprod_web;
grant update (wrapped, is_active) on project_dek to nonprod_web;
grant update (description, kind, events, refs, protected_only, images, least_trust, approved_only, expires_at,
  rotate_every_days, labels) on secret to nonprod_web;
-- What a build was given stays written down.
grant select, insert on secret_handout, secret_read to nonprod_web;
grant update (ciphertext, erased_by, erased_at) on secret_version to nonprod_web;
grant update (project_dek_id, wrapped) on secret_dek, build_dek to nonprod_web;
grant delete on project_dek, secret_dek, build_dek to nonprod_web;

-- Pools are edited and held runs are released in the web process; the scheduler decides by them.
grant select on pool, pool_grant, pool_change, run_trust, run_release, cache_entry, budget, usage_day to nonprod_web;
grant insert, update on pool, budget to nonprod_web;
grant insert, delete on pool_grant to nonprod_web;
grant insert on pool_change, run_release to nonprod_web;
grant update on run_release to nonprod_web;
-- Written once; only when it was read last is ever changed.
grant insert, delete on cache_entry to nonprod_web;
grant update (read_at) on cache_entry to nonprod_web;
grant update (post_review_at, post_review_why) on run_trust to nonprod_web;
-- What is kept of a job's logs; how long it took is counted by the database itself.
grant update (log_bytes) on job to nonprod_web;
-- The turn that a pool's jobs have come to moves with every claim.
grant select, insert, update on pool_clock to nonprod_web;
grant select on pool_clock to nonprod_scheduler;

-- The scheduler turns commits into runs, passed runs into candidates and requests into outbox items.
grant select on run, step, job, artifact, candidate, promotion_request, outbox_item, outbox_counter, git_head,
  repository to nonprod_scheduler;
grant insert on repository, run, step, job, candidate, outbox_item to nonprod_scheduler;
grant insert, update on git_head to nonprod_scheduler;
grant update on repository to nonprod_scheduler;
grant select, delete on webhook_delivery, webhook_refusal to nonprod_scheduler;
grant update (state, reason, repository, body, handled_at, attempts, next_at) on webhook_delivery to nonprod_scheduler;
grant select, insert, update on pull_request, commit_status to nonprod_scheduler;
grant select, insert on run_request to nonprod_scheduler;
grant update (state, reason, settled_at) on run_request to nonprod_scheduler;
grant select on schedule to nonprod_scheduler;
grant update (fired_for, last_outcome) on schedule to nonprod_scheduler;
grant update (state, reason, plan, warnings, started_at, finished_at, signing, signing_reason, admitted_at) on run
  to nonprod_scheduler;
-- What a repository stores; a repository that stores too much builds no more.
grant select (repository, digest, size) on cache_entry to nonprod_scheduler;
grant update (state, exit_code, started_at, finished_at) on step to nonprod_scheduler;
grant update (state, outcome, reason, started_at, finished_at, attempt, runner, lease_expires_at, heartbeat_at) on job
  to nonprod_scheduler;
grant update (state, state_reason, envelope, bundle_digest, bundle_size, published_at) on promotion_request
  to nonprod_scheduler;
grant update (seq, hash) on outbox_counter to nonprod_scheduler;
grant usage on sequence run_number_seq to nonprod_scheduler;

grant select on pool, pool_grant, run_trust, run_release, budget, usage_day to nonprod_scheduler;
grant insert on pool, pool_grant, run_trust, usage_day to nonprod_scheduler;
grant update (files, files_commit, notes) on run_trust to nonprod_scheduler;
grant update (applied_at) on run_release to nonprod_scheduler;
grant update (builds) on usage_day to nonprod_scheduler;

-- The process that the gate talks to reads the outbox and writes down what the gate reports.
grant select on outbox_item, promotion_status, gate_contact to nonprod_outbox;
grant insert, update on promotion_status, gate_contact to nonprod_outbox;
-- A status for a request that does not exist is ignored; the ids are all that this needs to read.
grant select (id) on promotion_request to nonprod_outbox;
-- As the witness of the gate's ledger.
grant select, insert on witnessed_tree to nonprod_outbox;
grant update (size, root, note, cosigned_at) on witnessed_tree to nonprod_outbox;

-- The registry of runners: the web process lets them in and shows them.
grant select, insert on runner, runner_certificate, runner_token, runner_enrolment, runner_event, run_taint
  to nonprod_web;
grant update (pool, kind, state, state_reason, state_by, state_at, enrolled_at, last_seen_at, instance, version,
  isolation, labels, platform, egress, egress_count, spent_at, networks) on runner to nonprod_web;
grant update (retired_at, retired_why) on runner_certificate to nonprod_web;
grant update (spent_at) on runner_token to nonprod_web;
grant update (state, decided_by, decided_at, chain) on runner_enrolment to nonprod_web;
grant delete on runner, runner_certificate to nonprod_web;
grant usage on sequence runner_event_id_seq to nonprod_web;
-- What is tainted is not published either.
grant select on run_taint to nonprod_scheduler;

-- People, and the tokens of their programs.
grant select, insert on person, api_token to nonprod_web;
grant update (idp, name, groups, seen_at) on person to nonprod_web;
grant update (last_used_at, revoked_at) on api_token to nonprod_web;
-- Who took up what is theirs is written down, and can be ended and not prolonged.
grant select, insert on elevation to nonprod_web;
grant update (ended_at) on elevation to nonprod_web;
-- A wish begins without a yes, which somebody else says later.
grant select, insert (person, reason) on administrator_wish to nonprod_web;
grant update (admitted_by, admitted_at, withdrawn_by, withdrawn_at) on administrator_wish to nonprod_web;

-- What was seen of a build, and who looked at it, is written once: nobody takes a flag or a review back.
grant select, insert on job_look, run_review to nonprod_web;

-- Accounts at forges are linked in the web process. The scheduler asks whether the author of a pull request is a member.
grant select, insert, delete on linked_account, link_wish to nonprod_web;
grant select, insert, delete on repository_group to nonprod_web;
grant select on linked_account to nonprod_scheduler;
grant select, insert, delete on repository_group to nonprod_scheduler;
grant select (id, groups, seen_at) on person to nonprod_scheduler;

-- Reports of builds are taken down and shown by the web process, and never changed.
grant select, insert on report, report_test, report_finding, report_coverage, report_component to nonprod_web;

-- The scheduler tells people of runs; the web process takes down who wants to be told, and shows what was sent.
grant select on notification, dispatch, notification_choice, notification_rule to nonprod_web, nonprod_scheduler;
grant insert on notification, dispatch to nonprod_scheduler;
grant update (addressed_at) on notification to nonprod_scheduler;
grant update (state, tries, next_at, error, settled_at) on dispatch to nonprod_scheduler;
grant insert, update on notification_choice, notification_rule to nonprod_web;

-- What people did is written down and read, and changed by nobody.
grant select, insert on act, act_outcome to nonprod_web;

-- Variables are set in the web process, and the scheduler gives them to runs.
grant select, insert, update, delete on variable to nonprod_web;
grant select, insert on variable_change to nonprod_web;
grant select on variable to nonprod_scheduler;
grant select, insert, delete on variable_set_choice to nonprod_web;
grant select on variable_set_choice to nonprod_scheduler;

-- The scheduler alone holds tokens that list repositories. What people pick is linked to what was found, and nothing else of it
-- is theirs to change.
grant select on forge_source, found_repository to nonprod_web, nonprod_scheduler;
grant insert, update on forge_source, found_repository to nonprod_scheduler;
grant update (repository, not_added) on found_repository to nonprod_web;
