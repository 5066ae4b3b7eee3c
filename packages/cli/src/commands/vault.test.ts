/** What `airlock vault setup` prints and refuses before it has asked any Vault. */
import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { Command } from 'commander';
import { CliError } from '../exit-codes.ts';
import { administratorsFile, signingKeyOf } from '../setup/administrators.ts';
import { signConfiguration } from '../setup/signed-configuration.ts';
import { createSigningKey, trustRow } from '../setup/signing-keys.ts';
import { registerVault } from './vault.ts';

let at: string;
let given: string[];
const connection = {
  host: 'db.example',
  port: 5432,
  database: 'shop',
  username: 'vault_shop',
  password: 'correct horse',
  appOwner: 'shop_owner',
};

async function airlock(
  args: readonly string[],
  environment: NodeJS.ProcessEnv = {},
): Promise<{ code: number; out: string; err: string }> {
  const lines: string[] = [];
  const program = new Command('airlock').exitOverride();
  registerVault(program, (more) => lines.push(...more), environment);
  try {
    await program.parseAsync(args, { from: 'user' });
    return { code: 0, out: lines.join('\n'), err: '' };
  } catch (error) {
    if (!(error instanceof CliError)) throw error;
    return { code: error.exitCode, out: lines.join('\n'), err: error.message };
  }
}
const setup = (...more: string[]) => airlock(['vault', 'setup', ...given, ...more]);

async function refused(code: number, message: RegExp, ...more: string[]): Promise<void> {
  const ended = await setup(...more);
  assert.match(ended.err, message);
  assert.equal(ended.code, code);
}

before(async () => {
  at = mkdtempSync(join(tmpdir(), 'airlock-vault-'));
  const people = ['ada', 'ben'].map((name) => ({
    ...{ name, adminDomain: 'platform' },
    key: createSigningKey('ecdsa-p256-sha256'),
  }));
  writeFileSync(
    join(at, 'administrators.json'),
    administratorsFile({ threshold: 2, domains: 1 }, people),
  );
  const target = readFileSync(join(import.meta.dirname, 'config.fixture.yaml'), 'utf8');
  mkdirSync(join(at, 'gate/targets'), { recursive: true });
  writeFileSync(join(at, 'gate/targets/prod-eu.yaml'), target);
  writeFileSync(
    join(at, 'gate/targets/prod-us.yaml'),
    target
      .replace('target: prod-eu', 'target: prod-us')
      .replace('jwt-eu', 'jwt-us')
      .replace('role: shop', 'role: shop-us'),
  );
  writeFileSync(join(at, 'gate/roster.yaml'), 'version: 1\npeople: []\n');
  const signer = trustRow({
    key: createSigningKey('ecdsa-p256-sha256'),
    ...{ roles: ['provenance'], builderIds: ['https://ci.example/builders/main@v1'] },
    ...{ adminDomain: 'nonprod', notBefore: new Date('2026-01-01') },
    notAfter: new Date('2027-01-01'),
  });
  writeFileSync(join(at, 'gate/trust.json'), JSON.stringify({ version: 1, signers: [signer] }));
  const [first, second] = people.map(({ key }) => signingKeyOf(key));
  assert.ok(first !== undefined && second !== undefined);
  await signConfiguration(join(at, 'gate'), [first, second]);
  writeFileSync(join(at, 'db.yaml'), JSON.stringify(connection), { mode: 0o600 });
  const authority = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  writeFileSync(
    join(at, 'authority.pub.pem'),
    authority.publicKey.export({ type: 'spki', format: 'pem' }),
  );
  given = [
    ...['-C', join(at, 'gate'), '--administrators', join(at, 'administrators.json')],
    ...['--issuer', 'https://gate.example', '--authority-key', join(at, 'authority.pub.pem')],
    ...['--database-connection', `prod-eu/db=${join(at, 'db.yaml')}`],
  ];
});
after(() => {
  rmSync(at, { recursive: true, force: true });
});

type Json = {
  calls: { what: string; path: string; body: Record<string, unknown>; incomplete?: string }[];
};
async function calls(...more: string[]): Promise<Json['calls']> {
  const { out, err, code } = await setup('-o', 'json', ...more);
  assert.equal(code, 0, err);
  return (JSON.parse(out) as Json).calls;
}
function rulesOf(list: Json['calls'], policy: string): string[] {
  const text = list.find(({ path }) => path === `sys/policies/acl/${policy}`)?.body['policy'];
  return Object.keys((JSON.parse(String(text)) as { path: object }).path);
}

test('every signed target is planned, and a database without its connection says what to give', async () => {
  const list = await calls();
  assert.ok(list.some(({ path }) => path === 'auth/jwt-eu/role/deliver'));
  assert.ok(list.some(({ path }) => path === 'auth/jwt-us/role/deliver'));
  assert.deepEqual(
    list.filter(({ incomplete }) => incomplete !== undefined).map(({ path }) => path),
    ['database/config/shop-us', 'database/roles/shop-us'],
  );
});

test('with --target the others keep their place in the watchdog’s policy and get no call of their own', async () => {
  const list = await calls('--target', 'prod-eu');
  assert.ok(!list.some(({ path }) => path.includes('jwt-us')));
  assert.ok(rulesOf(list, 'airlock-reaper').includes('sys/leases/revoke-prefix/auth/jwt-us/login'));
});

test('a password is printed as the file that it is from, in both forms', async () => {
  for (const format of ['text', 'json']) {
    const { out } = await setup('-o', format);
    assert.ok(out.includes(`<from ${join(at, 'db.yaml')}>`));
    assert.ok(!out.includes(connection.password));
  }
});

test('the text says in words what each policy allows', async () => {
  const { out } = await setup();
  assert.match(out, /# read +database\/creds\/shop$/m);
  assert.match(out, /PUT \/v1\/sys\/policies\/acl\/airlock-target-prod-eu$/m);
});

test('what does not fit is refused with what to give', async () => {
  await refused(2, /no target prod-mars .* prod-eu, prod-us/, '--target', 'prod-mars');
  const twice = ['--database-connection', `prod-eu/db=${join(at, 'db.yaml')}`];
  await refused(2, /given twice/, ...twice);
  await refused(2, /expected target\/as=file/, '--database-connection', 'db.yaml');
  const other = ['--database-connection', `prod-us/cache=${join(at, 'db.yaml')}`];
  await refused(2, /no target reads a database as prod-us\/cache/, ...other);
  await refused(2, /VAULT_ADDR is not set/, '--apply');
  await refused(2, /--reaper cert needs/, '--reaper', 'cert');
  await refused(2, /leave them out/, '--reaper-uri', 'airlock:x');
  await refused(2, /10\.0\.0\.7\/32/, '--gate-cidr', 'everywhere');
  await refused(2, /becomes part of a Vault path/, '--reaper-role', 'a/b');
});

test('a file with a password that others may read is refused', async () => {
  const file = join(at, 'open.yaml');
  writeFileSync(file, JSON.stringify(connection), { mode: 0o644 });
  await refused(2, /chmod 600/, '--database-connection', `prod-us/db=${file}`);
});

test('an environment that weakens the connection is refused, and so is one without a token', async () => {
  const inEnvironment = (environment: NodeJS.ProcessEnv) =>
    airlock(['vault', 'check', ...given], {
      VAULT_ADDR: 'https://vault.example:8200',
      VAULT_TOKEN: 'secret token',
      ...environment,
    });
  for (const name of ['VAULT_SKIP_VERIFY', 'VAULT_NAMESPACE', 'NODE_TLS_REJECT_UNAUTHORIZED']) {
    const { code, err } = await inEnvironment({ [name]: '0' });
    assert.equal(code, 2);
    assert.match(err, new RegExp(name));
  }
  const without = await inEnvironment({ VAULT_TOKEN: '' });
  assert.match(without.err, /VAULT_TOKEN or give --token-file/);
  const open = await inEnvironment({ VAULT_ADDR: 'http://vault.example:8200' });
  assert.match(open.err, /https:\/\/host:port/);
  assert.ok(!open.err.includes('secret token'));
});

test('a Vault that does not answer ends in the code for it', async () => {
  const { code, err } = await airlock(['vault', 'check', ...given], {
    VAULT_ADDR: 'http://127.0.0.1:1',
    VAULT_TOKEN: 'secret token',
  });
  assert.equal(code, 7, err);
  assert.ok(!err.includes('secret token'));
});

test('the SQL for the production database is for psql, which asks for the password itself', async () => {
  const sql = (database: string) =>
    airlock([
      ...['vault', 'database-sql', '--database', database],
      ...['--vault-login', 'vault_shop', '--app-owner', 'shop_owner'],
    ]);
  const { out } = await sql('shop');
  const lines = out.split('\n');
  assert.deepEqual([lines[0], lines.at(-1)], ['\\set ON_ERROR_STOP on', '\\password vault_shop']);
  assert.match(out, /ALTER ROLE "vault_shop" LOGIN NOCREATEROLE[^;]*NOINHERIT;/);
  const { code, err } = await sql('shop"; drop');
  assert.equal(code, 2);
  assert.match(err, /becomes a Postgres name/);
});

test('a target file that is not the signed one is refused', async () => {
  appendFileSync(join(at, 'gate/targets/prod-us.yaml'), '# changed\n');
  await refused(78, /not the signed file/);
});
