-- Logs are files of the web process; only what is decided about them stands here. What older versions kept goes.
drop table log_chunk;
alter table job drop column log_bytes;

-- Logs that stay although their time is over: an incident, a dispute.
create table log_hold (
  run_id text primary key references run (id),
  reason text not null,
  placed_by text not null,
  placed_at timestamptz(6) not null default now()
);

-- What the pages say where a log was.
create table log_deletion (
  job_id text primary key references job (id),
  bytes bigint not null,
  deleted_at timestamptz(6) not null default now()
);
