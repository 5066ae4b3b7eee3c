-- A run that somebody does not want any more, and a run that is made once more.

-- Jobs that a runner has end when it says so or its lease runs out; whatever they report then, the run was cancelled.
create table run_cancel (
  run_id text primary key references run (id),
  cancelled_by text not null,
  cancelled_name text not null,
  cancelled_at timestamptz not null default now()
);

-- Of the same commit and ref as the run that it names; its trust is decided anew.
alter table run add column retry_of text references run (id);
alter table run_request
  add column retry_of text references run (id),
  drop constraint run_request_event_check,
  add check (event in ('push', 'pull_request', 'pull_request_closed', 'pull_request_metadata', 'tag', 'release',
    'deployment', 'cron', 'manual')),
  -- A head that moves and a pull request that is opened are seen in git; only a retry asks for their runs.
  add check (retry_of is not null or event not in ('push', 'pull_request', 'tag'));
create unique index run_request_one_retry on run_request (retry_of) where state = 'waiting';
create index run_retry_of on run (retry_of) where retry_of is not null;
drop index run_once_per_head;
create unique index run_once_per_head on run (repository, ref, commit, event)
  where event in ('push', 'pull_request', 'tag') and retry_of is null;
