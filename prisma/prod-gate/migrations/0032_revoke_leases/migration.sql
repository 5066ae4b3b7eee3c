-- A stop that revokes what deliveries hold, of all, of targets or of one delivery.
alter table stop drop constraint stop_kind_check;
alter table stop add constraint stop_kind_check
  check (kind in ('freeze', 'stop-all', 'revoke-leases', 'quarantine', 'distrust-signer', 'cut-pair'));
