/**
 * One running installation for all tests of the e2e stage, which share one process (`--test-isolation=none`): both services as
 * bundled processes, real Postgres, Redis, git, SAML, bubblewrap and a Vault. Started on first use, ended after the last test.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { after } from 'node:test';
import { startPair, type Pair } from '@airlock/demo/pair';
import { createProgress } from '@airlock/demo/progress';

let started: Promise<Pair> | undefined;

/** The pair; every test that uses it leaves it running and its target free. */
export function runningPair(): Promise<Pair> {
  started ??= start();
  return started;
}

async function start(): Promise<Pair> {
  // Readable by the account that builds and hooks run as, whatever the caller's umask.
  const directory = mkdtempSync(join(tmpdir(), 'airlock-pair-'));
  const quiet = new Writable({
    write: (_chunk, _encoding, done) => {
      done();
    },
  });
  const pair = await startPair({ directory, ports: 'free', progress: createProgress(quiet) });
  after(async () => {
    await pair.stop();
    rmSync(directory, { recursive: true, force: true });
  });
  return pair;
}
