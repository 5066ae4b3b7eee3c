-- The witness of the gate's ledger: the largest tree of each log that this side cosigned. It only ever grows, and a size
-- has one root; who rewrites the gate's ledger would have to rewrite this too.
create table witnessed_tree (
  origin text primary key,
  size bigint not null,
  root bytea not null check (octet_length(root) = 32),
  -- The checkpoint with the log's own signature: whoever finds two of one size has the proof in hand. Null before the first.
  note text,
  cosigned_at timestamptz
);

create function witnessed_tree_only_grows() returns trigger language plpgsql as $$
begin
  if tg_op = 'DELETE' or tg_op = 'TRUNCATE' then
    raise exception 'a witness does not forget: % on % refused', tg_op, tg_table_name;
  end if;
  if new.origin <> old.origin or new.size < old.size or (new.size = old.size and new.root <> old.root) then
    raise exception 'a witness does not go back: % of % entries seen, % offered', old.origin, old.size, new.size;
  end if;
  return new;
end $$;
create trigger witnessed_tree_grows before update or delete on witnessed_tree
  for each row execute function witnessed_tree_only_grows();
create trigger witnessed_tree_no_truncate before truncate on witnessed_tree
  for each statement execute function witnessed_tree_only_grows();
