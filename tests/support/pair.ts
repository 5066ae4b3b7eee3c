/**
 * One running installation for all tests of one process of the e2e stage (`--test-isolation=none`): both services as
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
let directory: string | undefined;

// Registered while the file loads: within a test it would end the pair with that test.
after(async () => {
  const pair = await started?.catch(() => undefined);
  await pair?.stop();
  if (directory !== undefined) rmSync(directory, { recursive: true, force: true });
});

/** The pair; every test that uses it leaves it running and its target free. */
export function runningPair(): Promise<Pair> {
  started ??= start();
  return started;
}

function start(): Promise<Pair> {
  directory = mkdtempSync(join(tmpdir(), 'airlock-pair-'));
  const quiet = new Writable({
    write: (_chunk, _encoding, done) => {
      done();
    },
  });
  return startPair({ directory, ports: 'free', progress: createProgress(quiet) });
}
