import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { Command } from 'commander';
import { readPrivateKey } from '@airlock/process/private-key';
import { registerInit } from '../commands/init.ts';
import { readInstallation } from '../doctor/installation.ts';
import { CliError } from '../exit-codes.ts';
import { inventory } from '../inventory/inventory.ts';
import { makeSecrets } from './installation-secrets.ts';

const samples = join(import.meta.dirname, '../../../../deploy/examples/config');
const root = mkdtempSync(join(tmpdir(), 'airlock-init-'));
after(() => {
  rmSync(root, { recursive: true });
});

const host = async (name: string) => readInstallation(join(samples, name));
const newRoot = (): string => mkdtempSync(join(root, 'host-'));

function filesBelow(directory: string): string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name))
    .toSorted();
}

test('V16: every key and password that a host makes for itself is made, for its owner alone, and works', async () => {
  const at = newRoot();
  const { made } = await makeSecrets(await host('gate'), at);
  assert.deepEqual(made.map(({ path }) => path).toSorted(), filesBelow(at));
  for (const { path } of made) {
    const isPublic = /\.(pub\.pem|vkey)$|saml\/gate\.pem$/.test(path);
    assert.equal(statSync(path).mode & 0o777, isPublic ? 0o444 : 0o400, path);
  }
  const key = readPrivateKey('keyFile', join(at, 'etc/airlock/authority/authority.pem'));
  assert.equal(
    made.find(({ setting }) => setting === 'gate-authority keyFile')?.fingerprint,
    key.keyid,
  );
  assert.equal(
    readFileSync(join(at, 'etc/airlock/authority/authority.pub.pem'), 'utf8'),
    key.publicKeyPem,
  );
  assert.match(
    readFileSync(join(at, 'etc/airlock/watchdog/ledger.vkey'), 'utf8'),
    /^gate\.example\.com\/ledger\+[0-9a-f]{8}\+\S+\n$/,
  );
  assert.match(readFileSync(join(at, 'etc/airlock/database/gate_web'), 'utf8'), /^[\w-]{43}\n$/);
});

test('V16: a key of keys is 32 bytes in a directory of its own', async () => {
  const at = newRoot();
  const keeper = { kind: 'key-files', directory: '/etc/airlock/keeper' };
  const content = { secrets: { keeper } };
  const file = join(samples, 'nonprod/nonprod-web.yaml');
  await makeSecrets({ directory: samples, files: [{ path: file, content }] }, at);
  const directory = join(at, 'etc/airlock/keeper');
  assert.equal(statSync(directory).mode & 0o777, 0o700);
  const { mode, size } = statSync(join(directory, '1.key'));
  assert.deepEqual([mode & 0o777, size], [0o400, 32]);
});

test('V16: what is there is not written over, and then nothing is made', async () => {
  const at = newRoot();
  const gate = await host('gate');
  await makeSecrets(gate, at);
  const [kept = ''] = filesBelow(at);
  for (const path of filesBelow(at).slice(1)) rmSync(path);
  const before = readFileSync(kept);
  await assert.rejects(
    makeSecrets(gate, at),
    (error) => error instanceof CliError && error.exitCode === 6 && error.message.includes(kept),
  );
  assert.deepEqual(filesBelow(at), [kept]);
  assert.deepEqual(readFileSync(kept), before);
});

test('V16: the verb shows fingerprints and nothing secret, and says what others have to bring', async () => {
  const at = newRoot();
  const lines: string[] = [];
  const program = new Command().exitOverride();
  registerInit(program, (printed) => lines.push(...printed));
  const args = ['init', 'secrets', '--installation', join(samples, 'nonprod'), '--root', at];
  await program.parseAsync(args, { from: 'user' });
  const shown = lines.join('\n');
  for (const path of filesBelow(at)) {
    assert.ok(shown.includes(path), path);
    if (/\.(pub\.pem|vkey)$/.test(path)) continue;
    for (const line of readFileSync(path, 'latin1').split('\n')) {
      assert.ok(line.length < 20 || !shown.includes(line), path);
    }
  }
  assert.match(
    shown,
    /saml\/idp\.pem {2}nonprod-web saml\.idp\.certificateFile: the identity provider/,
  );
  assert.match(shown, /authority\.key .*: airlock ca init on a machine that stays offline/);
});

test('V16: what was made and what is to come is all that the inventory asks for', async () => {
  const at = newRoot();
  const nonprod = await host('nonprod');
  const { made, toCome } = await makeSecrets(nonprod, at);
  const places = new Set([...made, ...toCome].map(({ path }) => path));
  for (const { path, namedBy } of await inventory(nonprod)) {
    if (namedBy.some((setting) => setting.endsWith(' configuration'))) continue;
    assert.ok(places.has(join(at, path)), path);
  }
});
