-- That somebody started the delivery of one document, where its target file asks for a person to do so.
create table delivery_start (
  id bigint generated always as identity primary key,
  promotion_id text not null references promotion (id),
  promotion_digest text not null,
  person text not null,
  at timestamptz(3) not null
);
create index delivery_start_promotion on delivery_start (promotion_id, id);
create trigger delivery_start_append_only before update or delete on delivery_start
  for each statement execute function said_and_kept();

insert into ledger_recorder (process, type) values ('gate_web', 'delivery.asked');
