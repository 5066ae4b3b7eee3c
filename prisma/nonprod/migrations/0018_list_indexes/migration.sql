-- Every list is read from an index, newest first, however much is stored; and a delivery that cannot be settled is given up.

create index candidate_newest on candidate (builder, created_at desc);
create index promotion_request_newest on promotion_request (requested_at desc);
create index promotion_request_of_candidate on promotion_request (candidate_id, requested_at desc);
-- The run before, asked for with every claim; also what waits of a ref that moved on.
create index run_of_ref on run (repository, ref, number desc);
create index run_newest_of_ref on run (ref, created_at desc);
create index run_request_retry_of on run_request (retry_of) where retry_of is not null;

alter table webhook_delivery
  add column attempts integer not null default 0,
  -- Not tried again before that; null: at once.
  add column next_at timestamptz;
alter table webhook_delivery drop constraint webhook_delivery_state_check;
alter table webhook_delivery add constraint webhook_delivery_state_check
  check (state in ('waiting', 'handled', 'ignored', 'refused', 'given-up'));
-- What was given up may be sent again: the forge's own button for it gives the same id and the same bytes.
drop index webhook_delivery_once;
drop index webhook_delivery_once_by_body;
create unique index webhook_delivery_once
  on webhook_delivery (provider, coalesce(repository, ''), delivery_id) where state <> 'given-up';
create unique index webhook_delivery_once_by_body
  on webhook_delivery (provider, coalesce(repository, ''), body_digest) where state <> 'given-up';
