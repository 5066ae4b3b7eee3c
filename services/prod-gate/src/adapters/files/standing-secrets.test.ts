import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { standingSecrets } from './standing-secrets.ts';

const directory = mkdtempSync(join(tmpdir(), 'airlock-standing-'));
after(() => {
  rmSync(directory, { recursive: true, force: true });
});

function file(name: string, text: string, mode: number): string {
  writeFileSync(join(directory, name), text, { mode });
  return join(directory, name);
}

const found = (config: object) =>
  standingSecrets(config).map(({ setting, value }) => [setting, value.reveal()]);

test('passwords and keys are found wherever they stand, and named by their setting', () => {
  const config = {
    database: { host: '127.0.0.1', passwordFile: file('password', 'of the database\n', 0o600) },
    redis: { url: 'redis://gate:of%20redis@127.0.0.1:6379/0' },
    other: { url: 'redis://gate:100%@127.0.0.1:6379/0' },
    vault: { identity: { secretIdFile: file('secret-id', 'of the reaper', 0o400) } },
    mirrors: [{ keyFile: file('key', '-----BEGIN-----\nx\n-----END-----\n', 0o600) }],
  };
  assert.deepEqual(found(config), [
    ['database.passwordFile', 'of the database'],
    ['redis.url', 'of redis'],
    ['other.url', '100%'],
    ['vault.identity.secretIdFile', 'of the reaper'],
    ['mirrors.0.keyFile', '-----BEGIN-----\nx\n-----END-----'],
  ]);
});

test('what others may read, what is empty, missing or no file at all is no secret of this process', () => {
  const config = {
    caFile: file('ca.pem', 'public', 0o644),
    emptyFile: file('empty', '\n', 0o600),
    missingFile: join(directory, 'missing'),
    directory,
    redis: null,
    origin: 'https://gate.example',
    retries: 3,
  };
  assert.deepEqual(found(config), []);
});
