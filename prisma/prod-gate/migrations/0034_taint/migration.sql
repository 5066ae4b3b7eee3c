-- What each promotion rests on, one row a thing, read out of the bytes that were verified when it was taken in: by these rows it is
-- found when one of the things turns out to be bad. They decide nothing, and intake makes those that are missing again.
create table promotion_trace (
  promotion_id text not null references promotion (id),
  kind text not null check (kind in
    ('key', 'builder', 'artifact', 'commit', 'change', 'runner', 'image', 'requester', 'email')),
  -- Empty: of this kind not all is known.
  value text not null,
  -- When the promotion was taken in.
  at timestamptz(6) not null,
  primary key (promotion_id, kind, value)
);
create index promotion_trace_newest on promotion_trace (kind, value, at desc, promotion_id desc);

-- Which packages a lockfile locks, by the digest of its bytes: releases share lockfiles, so that each is read once.
create table lockfile_package (
  lockfile text not null check (lockfile ~ '^[0-9a-f]{64}$'),
  -- A purl without its version, such as pkg:npm/left-pad.
  name text not null,
  version text not null,
  primary key (lockfile, name, version)
);
create index lockfile_package_name on lockfile_package (name, version);

create table promotion_lockfile (
  promotion_id text not null references promotion (id),
  lockfile text not null check (lockfile ~ '^[0-9a-f]{64}$'),
  at timestamptz(6) not null,
  primary key (promotion_id, lockfile)
);
create index promotion_lockfile_newest on promotion_lockfile (lockfile, at desc, promotion_id desc);

-- Whether all lockfiles at the commit of a promotion were read; where not, no package can be ruled out.
create table promotion_contents (
  promotion_id text primary key references promotion (id),
  state text not null check (state in ('unread', 'partly', 'read')),
  at timestamptz(6) not null
);
create index promotion_contents_not_read on promotion_contents (at desc, promotion_id desc) where state <> 'read';
insert into promotion_contents (promotion_id, state, at) select id, 'unread', admitted_at from promotion;

create index approval_newest_of_person on approval (person, created_at desc);
create index rebuild_newest_of_key on rebuild (key_id, received_at desc);
create index rebuild_newest_of_builder on rebuild (builder_id, received_at desc);
create index promotion_place on promotion (repository, main_position);
