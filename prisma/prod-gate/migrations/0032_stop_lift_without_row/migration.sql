-- A stop outlives its row, and must not outlive what it was placed for: whose row somebody deleted is lifted by the ledger's word.
alter table stop_lift drop constraint stop_lift_stop_id_fkey;
