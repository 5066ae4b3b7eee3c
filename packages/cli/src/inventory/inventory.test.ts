import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { Command } from 'commander';
import { stringify } from 'yaml';
import { inventoryLines, registerInventory } from '../commands/inventory.ts';
import { readInstallation } from '../doctor/installation.ts';
import { inventory, type Jewel } from './inventory.ts';

const root = mkdtempSync(join(tmpdir(), 'airlock-inventory-'));
after(() => {
  rmSync(root, { recursive: true });
});

/** Configurations by name, and the files that they name with their modes. */
function installed(
  configurations: Readonly<Record<string, object>>,
  files: Readonly<Record<string, number>> = {},
): string {
  const directory = mkdtempSync(join(root, 'host-'));
  mkdirSync(join(directory, 'keys'), { mode: 0o700 });
  for (const [name, mode] of Object.entries(files)) {
    writeFileSync(join(directory, name), 'never read');
    chmodSync(join(directory, name), mode);
  }
  for (const [name, content] of Object.entries(configurations)) {
    writeFileSync(join(directory, `${name}.yaml`), stringify(content), { mode: 0o600 });
  }
  return directory;
}

const look = async (directory: string): Promise<Jewel[]> =>
  inventory(await readInstallation(directory));

const named = (jewels: readonly Jewel[], setting: string): Jewel => {
  const found = jewels.find(({ namedBy }) => namedBy.includes(setting));
  assert.ok(found, setting);
  return found;
};

test('J13: every key, password and root of trust stands there once, what leads into production first', async () => {
  const database = { passwordFile: 'keys/password' };
  const saml = { idp: { certificateFile: 'idp.pem' } };
  const directory = installed(
    {
      'nonprod-web': {
        database,
        saml,
        secrets: { keeper: { kind: 'key-files', directory: 'keys' } },
      },
      signer: { keys: { main: ['keys/old.pem', 'keys/new.pem'], pr: 'keys/pr.pem' } },
      'gate-web': {
        saml,
        files: { directory: 'targets' },
        listen: { host: '127.0.0.1', port: 443 },
      },
      'gate-authority': { keyFile: 'keys/authority.pem', assetsDirectory: 'assets' },
    },
    { 'keys/password': 0o600, 'keys/authority.pem': 0o600, 'idp.pem': 0o644 },
  );
  const jewels = await look(directory);
  const settings = jewels.flatMap(({ namedBy }) => namedBy);
  assert.deepEqual(settings.toSorted(), [
    'gate-authority configuration',
    'gate-authority keyFile',
    'gate-web configuration',
    'gate-web files.directory',
    'gate-web saml.idp.certificateFile',
    'nonprod-web configuration',
    'nonprod-web database.passwordFile',
    'nonprod-web saml.idp.certificateFile',
    'nonprod-web secrets.keeper.directory',
    'signer configuration',
    'signer keys.main[0]',
    'signer keys.main[1]',
    'signer keys.pr',
  ]);
  const orders = jewels.map(({ reach }) =>
    ['production', 'towards production', 'nonprod'].indexOf(reach),
  );
  assert.deepEqual(
    orders,
    orders.toSorted((a, b) => a - b),
  );
  const authority = named(jewels, 'gate-authority keyFile');
  assert.deepEqual(
    [authority.reach, authority.mode, authority.listens, authority.faults],
    ['production', '0600', [], []],
  );
  // Whom both sides believe counts for the side where that opens more, and answers beside both.
  const idp = named(jewels, 'nonprod-web saml.idp.certificateFile');
  assert.deepEqual(
    [idp.reach, idp.kind, idp.listens],
    ['towards production', 'trusted', ['127.0.0.1:443']],
  );
  assert.equal(named(jewels, 'signer keys.pr').mode, null);
});

test('J13: what others could read, write, exchange or reach says so, and how to mend it', async () => {
  const directory = installed(
    {
      'gate-authority': { keyFile: 'keys/authority.pem' },
      'gate-web': {
        files: { administratorsFile: 'administrators.json' },
        listen: { host: '0.0.0.0', port: 443 },
      },
      'nonprod-web': { database: { passwordFile: 'open/password' } },
    },
    { 'keys/authority.pem': 0o640, 'administrators.json': 0o664 },
  );
  mkdirSync(join(directory, 'open'));
  chmodSync(join(directory, 'open'), 0o777);
  const jewels = await look(directory);
  const faults = (setting: string): string => named(jewels, setting).faults.join('; ');
  assert.match(
    faults('gate-authority keyFile'),
    /^other accounts .* may read it; run: chmod go-rwx .*authority\.pem$/,
  );
  assert.match(
    faults('gate-web files.administratorsFile'),
    /may write it; run: chmod go-w .*json; its process answers at 0\.0\.0\.0:443/,
  );
  assert.match(
    faults('nonprod-web database.passwordFile'),
    /^other accounts may put another in its place; run: chmod go-w .*\/open$/,
  );
  assert.equal(faults('nonprod-web configuration'), '');
  chmodSync(join(directory, 'open'), 0o1777);
  assert.equal(named(await look(directory), 'nonprod-web database.passwordFile').faults.length, 0);
});

test('airlock inventory ends with 5 while something lies open, and names the directory that it cannot read', async () => {
  const run = async (directory: string): Promise<{ lines: string[]; code: unknown }> => {
    const lines: string[] = [];
    const program = new Command().exitOverride();
    registerInventory(program, (printed) => lines.push(...printed));
    await program.parseAsync(['inventory', '--installation', directory], { from: 'user' });
    const code = process.exitCode;
    process.exitCode = 0;
    return { lines, code };
  };
  const files = { 'keys/authority.pem': 0o600 };
  const directory = installed({ 'gate-authority': { keyFile: 'keys/authority.pem' } }, files);
  const sound = await run(directory);
  assert.deepEqual(sound, { lines: inventoryLines(await look(directory)), code: sound.code });
  assert.equal(sound.lines.at(-1), '2 files and directories, none of which lies open');
  assert.notEqual(sound.code, 5);
  chmodSync(join(directory, 'keys/authority.pem'), 0o644);
  const open = await run(directory);
  assert.equal(open.code, 5);
  assert.equal(open.lines.at(-1), '1 of 2 files and directories lie open');
  assert.ok(!open.lines.join().includes('never read'));
  await assert.rejects(
    run(join(directory, 'nowhere')),
    /nowhere cannot be read; name the directory/,
  );
});
