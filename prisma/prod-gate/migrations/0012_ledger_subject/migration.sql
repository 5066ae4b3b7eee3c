-- An entry is looked for by exactly what it is about. A hash index holds four bytes for that where the tree held the whole
-- text and the type: digests come in no order, so every entry dirties another page of it, and fewer pages cost less.
drop index ledger_entry_subject;
create index ledger_entry_subject on ledger_entry using hash (subject_digest);
