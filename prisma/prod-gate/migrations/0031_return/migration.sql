-- A return to a release that was live before is a promotion of its own: the same bundle, approved anew as what it is.
alter table promotion add column returns jsonb;

-- A provenance counts once for a target; a return brings none, it goes back to one that counted.
drop index promotion_envelope_target;
create unique index promotion_envelope_target on promotion (envelope_digest, target)
  where state in ('waiting', 'delivering', 'live', 'indeterminate') and returns is null;
drop index promotion_bundle_target;
create unique index promotion_bundle_target on promotion (bundle_digest, target) where returns is null;

-- What somebody asked for at the gate's page. Web writes it down; intake, which alone makes promotions, verifies it and says
-- what became of it.
create table return_request (
  id text primary key,
  target text not null,
  delivery_id text not null,
  answers jsonb not null,
  reason text not null check (reason <> ''),
  person text not null,
  asked_at timestamptz(3) not null,
  promotion_id text references promotion (id),
  -- Why there is no promotion of it, for whoever asked.
  refusal text,
  check (promotion_id is null or refusal is null)
);
create index return_request_open on return_request (asked_at) where promotion_id is null and refusal is null;
