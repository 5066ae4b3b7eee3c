-- Witnesses of the ledger, and who may say what in it.

-- What a witness signed below a checkpoint. Kept beside it and not in it: the note is what the ledger's key signed.
create table ledger_cosignature (
  size bigint not null references ledger_checkpoint (size),
  -- Name of the witness's key.
  witness text not null,
  -- The signature line of the note, with its line feed.
  line text not null check (line like '— %' and line like E'%\n' and octet_length(line) <= 1024),
  at timestamptz not null,
  primary key (size, witness)
);
create trigger ledger_cosignature_append_only before update or delete or truncate on ledger_cosignature
  for each statement execute function ledger_append_only();

-- A process that is taken over can lie about its own work only: an entry is what its recorder may say. The type is
-- compared as bytes at its one place in the canonical form, so that no trick of JSON gives an entry two types.
create function ledger_pending_by_its_recorder() returns trigger language plpgsql as $$
declare
  rule record;
  opening bytea;
begin
  for rule in
    select * from (values
      ('gate_intake', array['bundle.admitted', 'bundle.refused', 'git.head', 'configuration.changed']),
      ('gate_web', array['passkey.enrolled', 'approval.recorded', 'rebuild.attested']),
      ('gate_authority', array['credential.requested', 'attestation.issued']),
      ('gate_deliverer', array['delivery.intent', 'credential.issued', 'hook.started', 'hook.finished',
        'delivery.finished']),
      ('gate_watchdog', array['credential.revoked', 'delivery.finished'])
    ) as rules (process, types)
    -- A login role that an installation made a member of a process's role counts as that process.
    where to_regrole(process) is not null and pg_has_role(current_user, process, 'usage')
  loop
    for place in 1 .. array_length(rule.types, 1) loop
      opening := convert_to(format('{"v":1,"type":"%s","at":"', rule.types[place]), 'UTF8');
      if substring(new.body from 1 for octet_length(opening)) = opening then
        return new;
      end if;
    end loop;
  end loop;
  raise exception 'ledger: % may not record this entry; each process records what it does itself', current_user
    using errcode = 'insufficient_privilege';
end $$;
create trigger ledger_pending_recorder before insert on ledger_pending
  for each row execute function ledger_pending_by_its_recorder();

-- Wakes the sequencer when the entry commits. A bell that is lost costs a second, never an entry.
create function ledger_pending_rings() returns trigger language plpgsql as $$
begin
  notify ledger_pending;
  return null;
end $$;
create trigger ledger_pending_bell after insert on ledger_pending
  for each statement execute function ledger_pending_rings();

-- The same promise as before (indexes without a gap), asked once for a batch and not once for a row.
drop trigger ledger_entry_dense on ledger_entry;
drop function ledger_entry_is_dense();
create function ledger_entries_are_dense() returns trigger language plpgsql as $$
declare
  first_added bigint;
  last_added bigint;
  number_added bigint;
  last_before bigint;
begin
  select min(idx), max(idx), count(*) into first_added, last_added, number_added from added;
  if number_added = 0 then
    return null;
  end if;
  select coalesce(max(idx), -1) into last_before from ledger_entry where idx < first_added;
  if first_added <> last_before + 1 or last_added <> first_added + number_added - 1
     or exists (select from ledger_entry where idx > last_added) then
    raise exception 'ledger index % to % leaves a gap', first_added, last_added;
  end if;
  return null;
end $$;
create trigger ledger_entry_dense after insert on ledger_entry
  referencing new table as added for each statement execute function ledger_entries_are_dense();
