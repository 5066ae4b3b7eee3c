-- What people ask and answer on a promotion. Nothing is decided by it, and the ledger has none of it: what is there stays for ever.
create table promotion_remark (
  id bigint generated always as identity primary key,
  promotion_id text not null references promotion (id),
  person text not null,
  text text not null check (char_length(text) between 1 and 2000),
  at timestamptz(3) not null
);
create index promotion_remark_promotion on promotion_remark (promotion_id, id);
create index promotion_remark_person on promotion_remark (person, at);
create trigger promotion_remark_append_only before update or delete on promotion_remark
  for each statement execute function said_and_kept();
