-- What main has beyond a waiting promotion, for approvers to see. Written by intake, which reads the mirror; decides nothing.
create table promotion_newer (
  promotion_id text primary key references promotion (id),
  head text not null check (head ~ '^[0-9a-f]{40}$'),
  newer jsonb not null,
  read_at timestamptz(6) not null default now()
);
