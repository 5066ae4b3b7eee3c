-- What the runner signed about a run whose artifact was kept, verbatim: the signer judges it, nonprod only carries it.
alter table run add column attestation text;

-- Plans have a version since they are compared by their digest. A run that is still queued keeps an artifact limit that the
-- installation put in, so that its digest is not that of its files; the signer then says so, and a new push mends it.
update run set plan = plan || '{"version": 1}';
