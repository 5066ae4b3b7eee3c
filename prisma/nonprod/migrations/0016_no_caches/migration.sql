-- There are no caches between runs; nothing was ever written here.
drop table cache_entry;
