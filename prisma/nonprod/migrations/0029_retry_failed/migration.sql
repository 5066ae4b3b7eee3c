-- A retry may make only what did not pass. What passed stands in the new run as an ended job that names the one it is kept from.
alter table run_request add column only_failed boolean not null default false;
alter table job add column kept_from text references job (id);
create index job_kept on job (run_id) where kept_from is not null;
