import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { chmodSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { contextOf } from './context.ts';
import { createKeyFileKek } from './key-file-kek.ts';
import { proveContextBinds, wrappedVersion } from './kek-provider.ts';
import { newKey } from './seal.ts';

const root = mkdtempSync(join(tmpdir(), 'airlock-key-files-'));
after(() => {
  rmSync(root, { recursive: true, force: true });
});

const context = contextOf({ type: 'project-dek', project: 'shop/web', dek: 'dek_0000000000' });

function keyFile(directory: string, version: number, bytes = 32): string {
  const file = join(directory, `${version}.key`);
  writeFileSync(file, randomBytes(bytes), { mode: 0o600 });
  return file;
}

const directoryWithOneKey = (): string => {
  const directory = mkdtempSync(join(root, 'keys-'));
  keyFile(directory, 1);
  return directory;
};

test('a key file binds a wrapped key to its place', async () => {
  await proveContextBinds(createKeyFileKek(directoryWithOneKey()));
});

test('a new file is the current version at once, and what was wrapped before still opens', async () => {
  const directory = directoryWithOneKey();
  const kek = createKeyFileKek(directory);
  const key = newKey();
  const first = await kek.wrap(key, context);
  assert.equal(wrappedVersion(first), 1);
  keyFile(directory, 2);
  assert.equal(await kek.currentVersion(), 2);
  assert.ok((await kek.unwrap(first, context)).equals(key));

  const second = await kek.rewrap(first, context);
  assert.equal(wrappedVersion(second), 2);
  rmSync(join(directory, '1.key'));
  assert.ok((await kek.unwrap(second, context)).equals(key));
  await assert.rejects(kek.unwrap(first, context), {
    code: 'kek-version-missing',
    message: /1\.key/,
  });
});

test('the wrong key under the right number opens nothing', async () => {
  const directory = directoryWithOneKey();
  const kek = createKeyFileKek(directory);
  const wrapped = await kek.wrap(newKey(), context);
  renameSync(keyFile(directory, 7), join(directory, '1.key'));
  await assert.rejects(kek.unwrap(wrapped, context), { code: 'envelope-unopenable' });
});

test('a file that others may read, of another length, or none at all is refused with the remedy', async () => {
  const open = directoryWithOneKey();
  chmodSync(join(open, '1.key'), 0o640);
  await assert.rejects(createKeyFileKek(open).wrap(newKey(), context), {
    code: 'kek-refused',
    message: /chmod 600/,
  });
  const long = mkdtempSync(join(root, 'keys-'));
  keyFile(long, 1, 33);
  await assert.rejects(createKeyFileKek(long).wrap(newKey(), context), {
    code: 'kek-refused',
    message: /openssl rand/,
  });
  await assert.rejects(createKeyFileKek(mkdtempSync(join(root, 'keys-'))).currentVersion(), {
    code: 'kek-version-missing',
    message: /openssl rand -out \S+1\.key 32/,
  });
});

test('what Vault wrapped is named as such, and not taken for a damaged file', async () => {
  const kek = createKeyFileKek(directoryWithOneKey());
  await assert.rejects(kek.unwrap('vault:v1:AAAA', context), {
    code: 'envelope-malformed',
    message: /wrapped by Vault/,
  });
});
