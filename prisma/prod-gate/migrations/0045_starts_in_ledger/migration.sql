-- That somebody started a delivery is the ledger's to say (`delivery.asked`), which has every start that was in here.
drop table delivery_start;
