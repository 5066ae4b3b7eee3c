-- Named sets of variables: their values stand in `variable` under the scope '@name', and here is who chose which.
create table variable_set_choice (
  -- A repository's choice is its own; a group's is that of every repository that the group owns.
  kind text not null check (kind in ('repository', 'group')),
  chooser text not null check (chooser <> ''),
  set_name text not null check (set_name ~ '^[a-z0-9][a-z0-9-]{0,62}$'),
  -- Of two sets the later counts.
  position smallint not null check (position >= 0),
  chosen_by text not null,
  chosen_at timestamptz not null default now(),
  primary key (kind, chooser, set_name)
);
create index variable_set_chosen on variable_set_choice (set_name);
