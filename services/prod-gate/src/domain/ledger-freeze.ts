/** The ledger's name in the table of freezes, which it shares with repositories and outboxes; no URL and no outbox is called so. */
export const ledgerFreeze = 'ledger';
