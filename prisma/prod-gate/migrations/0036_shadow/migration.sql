-- Where the rules on trial of a target file would have decided otherwise than those in force. Written by the deliverer, which
-- judges every waiting promotion; shown to people; decides nothing.
create table shadow_difference (
  promotion_id text not null references promotion (id),
  policy_digest text not null check (policy_digest ~ '^[0-9a-f]{64}$'),
  outcome text not null check (outcome in ('would-hold', 'would-pass')),
  target text not null,
  release text not null,
  reasons jsonb not null,
  first_at timestamptz(6) not null,
  last_at timestamptz(6) not null check (last_at >= first_at),
  primary key (promotion_id, policy_digest, outcome)
);
create index shadow_difference_target on shadow_difference (target, last_at desc);
