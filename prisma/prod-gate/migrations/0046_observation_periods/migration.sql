-- What a look found out and what people are told of it are two things now: a target that answers in turn with two digests is
-- told of once an hour, with a count.
alter table target_observation rename column told to standing;
alter table target_observation rename column told_id to standing_id;

alter table target_observation
  -- Whether it was this host that kept the hook from looking.
  add column by_host boolean not null default false,
  -- Since the notice with which the period began; null where nothing was told lately.
  add column period_since timestamptz(6),
  add column period_thread text,
  add column period_told text[] not null default '{}'
    check (period_told <@ array['drifted', 'unobserved', 'settled']),
  -- Changes that were seen in the period and not told.
  add column untold integer not null default 0 check (untold >= 0),
  add check ((period_since is null) = (period_thread is null)),
  add check (period_since is not null or (untold = 0 and period_told = '{}')),
  add check (sight = 'unknown' or not by_host);
