-- What a runner's kernel said it is, such as linux/amd64; null: it did not say.
alter table runner add column platform text;
