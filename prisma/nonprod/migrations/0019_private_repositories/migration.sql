-- A private repository is there for the groups that it belongs to, and for the platform role, and for nobody else.
alter table repository add column private boolean not null default false;
