-- Queue and target pages show the newest of what may be many thousands.
create index promotion_newest on promotion (admitted_at desc, id desc);
create index promotion_newest_of_target on promotion (target, admitted_at desc, id desc);
create index delivery_newest on delivery (started_at desc, id desc);
create index delivery_newest_of_target on delivery (target, started_at desc, id desc);
