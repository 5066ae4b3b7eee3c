-- What a job sent and fetched, as its runner reported; null: it had no way out, or has not ended.
alter table job add column egress jsonb;
