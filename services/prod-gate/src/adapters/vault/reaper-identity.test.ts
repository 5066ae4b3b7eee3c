import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { createVaultReaper } from './reaper.ts';
import { VaultSettings } from './settings.ts';

test('a secret id that other users may read is refused with the remedy, its role id is not', (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'airlock-reaper-'));
  t.after(() => {
    rmSync(directory, { recursive: true, force: true });
  });
  const [roleIdFile, secretIdFile] = [join(directory, 'role-id'), join(directory, 'secret-id')];
  writeFileSync(roleIdFile, 'role', { mode: 0o644 });
  writeFileSync(secretIdFile, 'secret', { mode: 0o600 });
  const settings = VaultSettings.parse({ address: 'http://127.0.0.1:1' });
  const reaper = () =>
    createVaultReaper(settings, { kind: 'approle', roleIdFile, secretIdFile }, {});
  reaper();
  for (const mode of [0o640, 0o604]) {
    chmodSync(secretIdFile, mode);
    assert.throws(reaper, { code: 'configuration-refused', message: /chmod 600 .*secret-id/ });
  }
});
