-- Secrets are given to builds: to which runs and steps, and what was given when. No value stands here.
alter table secret
  add column kind text not null default 'value' check (kind in ('value', 'ssh-key')),
  add column events text[] not null default '{push}' check (cardinality(events) > 0),
  -- Branches, or whole refs; none: any.
  add column refs text[] not null default '{}',
  add column protected_only boolean not null default true,
  -- Plugins of these images alone; none: any step.
  add column images text[] not null default '{}',
  add column least_trust integer not null default 2 check (least_trust between 0 and 3),
  add column approved_only boolean not null default false,
  add column expires_at timestamptz(6),
  add column rotate_every_days integer check (rotate_every_days between 1 and 3650);

-- A step is given its secrets once under a lease. A job that another runner takes over has another lease, and is given them again.
create table secret_handout (
  job_id text not null references job (id),
  lease bigint not null,
  step text not null,
  runner text not null,
  -- What the boxes were sealed to, as the runner signed it.
  public_key bytea not null check (length(public_key) = 32),
  given_at timestamptz(6) not null default now(),
  primary key (job_id, lease, step)
);

create table secret_read (
  secret_id text not null references secret (id),
  job_id text not null,
  lease bigint not null,
  step text not null,
  version integer not null,
  primary key (secret_id, job_id, lease, step),
  foreign key (job_id, lease, step) references secret_handout (job_id, lease, step)
);
