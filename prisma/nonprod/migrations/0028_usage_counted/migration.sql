-- Temporary tables come last: without naming them they come first, and who ends a job could have its time counted into one of
-- their own.
alter function count_lease() set search_path = pg_catalog, public, pg_temp;

create index job_keeps_logs on job (repository) include (log_bytes) where log_bytes > 0;
