-- The same check with the same words, asked so that every plan of it is one step in the index. "Is there any index above"
-- was planned as a scan of the whole ledger, which made the cost of an entry grow with all that came before.
create or replace function ledger_entries_are_dense() returns trigger language plpgsql as $$
declare
  first_added bigint;
  last_added bigint;
  number_added bigint;
  last_before bigint;
  last_now bigint;
begin
  select min(idx), max(idx), count(*) into first_added, last_added, number_added from added;
  if number_added = 0 then
    return null;
  end if;
  select coalesce(max(idx), -1) into last_before from ledger_entry where idx < first_added;
  select max(idx) into last_now from ledger_entry;
  if first_added <> last_before + 1 or last_added <> first_added + number_added - 1 or last_now <> last_added then
    raise exception 'ledger index % to % leaves a gap', first_added, last_added;
  end if;
  return null;
end $$;
