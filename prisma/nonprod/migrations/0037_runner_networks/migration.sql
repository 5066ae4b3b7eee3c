-- From where a runner may speak, in CIDR form; empty: from anywhere. Chosen with its token and kept until it is enrolled anew.
alter table runner_token add column networks text[] not null default '{}';
alter table runner_enrolment add column networks text[] not null default '{}';
alter table runner add column networks text[] not null default '{}';
