-- Why runners of a pool of trust 0 are used again after a stranger's build; null: they take one job and end.
alter table pool add column reuse text;
update pool set reuse = 'as it was before one job was the rule' where trust = 0 and not once;
