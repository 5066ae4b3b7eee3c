-- Where a runner's builds may connect to, by its own configuration: the first 200 places, and how many there are. Null: not said.
alter table runner add column egress text[];
alter table runner add column egress_count integer;
