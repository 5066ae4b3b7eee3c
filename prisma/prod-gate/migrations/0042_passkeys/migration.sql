-- That somebody took a passkey away, their own or one that is said to be somebody's and is in its first day.
insert into ledger_recorder (process, type) values ('gate_web', 'passkey.withdrawn');
