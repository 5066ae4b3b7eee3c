-- What the compiler said of the files that a run follows, each `file:line:column: …`, for whoever looks at it.
alter table run add column warnings text[] not null default '{}';
