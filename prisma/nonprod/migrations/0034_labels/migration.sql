-- NAME=VALUE each. Of a repository: what the platform role says it is. Of a secret: what another repository than its own must
-- have, all of it, to be given it; none: it is for its own alone.
alter table repository add column labels text[] not null default '{}';
alter table secret add column labels text[] not null default '{}';
