-- An approval that its giver took back before the delivery began. The approval stays as it was signed: what was said is not
-- unsaid, it only counts no more.
create table approval_withdrawal (
  approval_id text primary key references approval (id),
  promotion_id text not null references promotion (id),
  person text not null,
  reason text not null default '',
  withdrawn_at timestamptz not null default now()
);
create index approval_withdrawal_promotion on approval_withdrawal (promotion_id);

create function approval_withdrawal_append_only() returns trigger language plpgsql as $$
begin
  raise exception 'an approval that was taken back is given anew: % on approval_withdrawal refused', tg_op;
end $$;
create trigger approval_withdrawal_append_only before update or delete on approval_withdrawal
  for each statement execute function approval_withdrawal_append_only();

-- The documents of a promotion that facts overtook, so that a page can say why an approval of one of them no longer counts,
-- and anybody can verify what was signed then.
create table replaced_document (
  promotion_id text not null references promotion (id),
  promotion_digest text not null check (promotion_digest ~ '^[0-9a-f]{64}$'),
  document bytea not null,
  -- What of it was no longer so: policy, hook, params, roster, base, delta, or another member by its name.
  changed text[] not null check (cardinality(changed) >= 1),
  replaced_by text not null check (replaced_by ~ '^[0-9a-f]{64}$'),
  replaced_at timestamptz not null default now(),
  primary key (promotion_id, promotion_digest, replaced_at)
);

-- As before; web also records that an approval was taken back, intake that a document took another one's place.
create or replace function ledger_pending_by_its_recorder() returns trigger language plpgsql as $$
declare
  rule record;
  opening bytea;
begin
  for rule in
    select * from (values
      ('gate_intake', array['bundle.admitted', 'bundle.refused', 'git.head', 'configuration.changed',
        'repository.frozen', 'repository.released', 'ledger.contradicted', 'promotion.renewed']),
      ('gate_web', array['passkey.enrolled', 'approval.recorded', 'approval.withdrawn', 'rebuild.attested']),
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
