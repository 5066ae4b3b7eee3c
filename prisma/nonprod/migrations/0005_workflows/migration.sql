-- A run has one job for each workflow of its plan (for each combination, where there is a matrix), and steps belong to jobs.

-- Plans of version 1 cannot be run, compared or signed any more: what had not ended by then ends here.
update job set state = 'finished', runner = null, lease_expires_at = null where state <> 'finished';
update step set state = 'cancelled' where state in ('queued', 'running');
update run set state = 'cancelled', reason = 'Cancelled by an upgrade; push again.', finished_at = now()
  where state in ('queued', 'running', 'held');
update run set signing = 'refused', signing_reason = 'Built before an upgrade that changed plans; push again.'
  where signing = 'wanted';
alter table run alter column plan drop not null;
-- Null where the files could not be followed, and for runs of older versions.
update run set plan = null;

alter table run drop constraint run_event_check;
alter table run add constraint run_event_check check (event in ('push', 'pull_request', 'pull_request_closed',
  'pull_request_metadata', 'tag', 'release', 'deployment', 'cron', 'manual'));
alter table run
  add column tag text,
  add column source_branch text,
  add column cron text,
  add column deploy_to text,
  -- Public by definition; steps find them in their environment.
  add column variables jsonb not null default '{}';

-- What moves by pushing is built once a head and event; everything else is asked for and may be asked for again.
drop index run_once_per_head;
create unique index run_once_per_head on run (repository, ref, commit, event)
  where event in ('push', 'pull_request', 'tag');

alter table job drop constraint job_run_id_key;
alter table job drop constraint job_state_check;
alter table job add constraint job_state_check check (state in ('held', 'waiting', 'queued', 'leased', 'finished'));
alter table job
  -- Its place in the plan.
  add column position integer not null default 0,
  add column workflow text not null default 'woodpecker',
  -- 0 without a matrix, else the combination counted from 1.
  add column instance integer not null default 0,
  add column outcome text check (outcome in ('passed', 'failed', 'skipped', 'cancelled')),
  -- One sentence for people: why it failed or was skipped.
  add column reason text,
  add column started_at timestamptz(6),
  add column finished_at timestamptz(6);
update job set outcome = case run.state when 'passed' then 'passed' when 'cancelled' then 'cancelled' else 'failed' end,
  reason = run.reason, started_at = run.started_at, finished_at = coalesce(run.finished_at, now())
  from run where run.id = job.run_id;
alter table job
  add constraint job_outcome_when_finished check ((state = 'finished') = (outcome is not null)),
  add constraint job_once_per_workflow unique (run_id, workflow, instance);
alter table job alter column position drop default, alter column workflow drop default, alter column instance drop default;

alter table step add column job_id text references job (id);
alter table step add column kind text not null default 'step' check (kind in ('step', 'service'));
update step set job_id = job.id from job where job.run_id = step.run_id;
delete from step where job_id is null;
alter table step alter column job_id set not null;
alter table step drop constraint step_pkey;
alter table step drop constraint step_run_id_name_key;
alter table step drop column run_id;
alter table step add primary key (job_id, position);
alter table step add unique (job_id, name);
