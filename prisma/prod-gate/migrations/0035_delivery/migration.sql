-- What the hook that ran says of being run again, and whose place a delivery takes whose deliverer died in its hook. A promotion
-- has one delivery, and one more that repeats the first; nothing repeats a repeat.
alter table delivery
  add column hook_kind text check (hook_kind in ('idempotent', 'probing', 'at-most-once')),
  add column repeats text references delivery (id) check (repeats <> id);
alter table delivery drop constraint delivery_promotion_id_key;
create unique index delivery_of_promotion on delivery (promotion_id) where repeats is null;
create unique index delivery_repeats_key on delivery (repeats);
create index delivery_by_promotion on delivery (promotion_id, started_at);
