import assert from 'node:assert/strict';
import { appendFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { administratorsFile, signingKeyOf } from '@airlock/cli/setup/administrators';
import { signConfiguration } from '@airlock/cli/setup/signed-configuration';
import { createSigningKey } from '@airlock/cli/setup/signing-keys';
import { vectorNamed } from '../../app/vectors.fixture.ts';
import { openGateFiles, type GateFilesSettings } from './gate-files.ts';

const remove = (file: string): void => {
  rmSync(file);
};

type VaultNames = { jwtMount: string; role: string };
const eu = { jwtMount: 'jwt-eu', role: 'shop-eu' };
const us = { jwtMount: 'jwt-us', role: 'shop-us' };

const administrator = (name: string) => ({
  ...{ name, adminDomain: name.toLowerCase(), key: createSigningKey('ed25519') },
});
const ada = administrator('Ada');
const ben = administrator('Ben');
const both = [signingKeyOf(ada.key), signingKeyOf(ben.key)] as const;

const targetFile = (target: string, { jwtMount, role }: VaultNames): object => ({
  version: 1,
  target,
  admits: [
    {
      repo: 'https://git.example/shop.git',
      refs: ['refs/heads/main'],
      pipeline: '.woodpecker.yaml',
      releaseFile: '.airlock/release.yaml',
      subject: 'shop.tar.gz',
      builders: {
        id: 'https://ci.example/main@v1',
        threshold: 1,
        images: [`sha256:${'6'.repeat(64)}`],
      },
      maxAge: '14d',
      tests: 'required',
      signedCommits: 'not-required',
    },
  ],
  approvals: {
    rules: [{ role: 'release-manager', count: 2 }],
    exclude: ['requester', 'authors', 'committers'],
    expires: '24h',
  },
  credentials: {
    vault: {
      ...{ jwtMount, jwtRole: 'deliver', ttl: '2m' },
      reads: [{ as: 'db', kind: 'database', mount: 'database', role }],
    },
  },
  deliver: {
    hook: `load@sha256:${'a'.repeat(64)}`,
    timeout: '60s',
    params: {},
    egress: [{ as: 'db', kind: 'postgres', host: '127.0.0.1', port: 5432, name: 'shop' }],
  },
});

const mira = {
  ...{ id: 'mira', name: 'Mira', nameId: 'mira@idp.example', roles: ['release-manager'] },
  gitEmails: [],
};

/** A signed directory; `roster` and `targets` are what is in it. */
async function signedDirectory(
  context: TestContext,
  given: { targets?: Readonly<Record<string, VaultNames>>; people?: readonly object[] } = {},
): Promise<GateFilesSettings> {
  const at = mkdtempSync(join(tmpdir(), 'airlock-files-'));
  context.after(() => {
    rmSync(at, { recursive: true, force: true });
  });
  const directory = join(at, 'configuration');
  mkdirSync(join(directory, 'targets'), { recursive: true });
  for (const [target, vault] of Object.entries(given.targets ?? { eu, us })) {
    // YAML takes JSON as it stands.
    const text = JSON.stringify(targetFile(target, vault));
    writeFileSync(join(directory, 'targets', `${target}.yaml`), text);
  }
  const people = given.people ?? [{ ...mira, passkeys: [] }];
  writeFileSync(join(directory, 'roster.yaml'), JSON.stringify({ version: 1, people }));
  const signers = vectorNamed('G01').trust.map((row) => ({ ...row, adminDomain: 'nonprod' }));
  writeFileSync(join(directory, 'trust.json'), JSON.stringify({ version: 1, signers }));
  const administratorsPath = join(at, 'administrators.json');
  writeFileSync(administratorsPath, administratorsFile({ threshold: 2, domains: 2 }, [ada, ben]));
  await signConfiguration(directory, both);
  return { directory, administratorsFile: administratorsPath, hooksDirectory: at };
}

const open = (settings: GateFilesSettings) => openGateFiles(settings, { demo: false });

test('what both administrators signed is read, with the number and digest of what they signed', async (context) => {
  const files = await (await open(await signedDirectory(context)))();
  assert.deepEqual([...files.targets.keys()], ['eu', 'us']);
  assert.equal(files.manifest.serial, 1);
  assert.match(files.manifest.digest, /^[0-9a-f]{64}$/);
  assert.deepEqual(
    files.manifest.signers,
    both.map(({ keyid }) => keyid),
  );
});

for (const [what, second, path] of [
  ['a login mount', { ...us, jwtMount: eu.jwtMount }, 'auth/jwt-eu'],
  ['a database role', { ...us, role: eu.role }, 'database/creds/shop-eu'],
] as const) {
  test(`two targets that share ${what} are refused: the end of one would revoke the other`, async (context) => {
    const settings = await signedDirectory(context, { targets: { eu, us: second } });
    await assert.rejects(open(settings), (error: Error) => {
      assert.match(error.message, /targets\/us\.yaml: credentials\.vault: /);
      assert.ok(error.message.includes(`${path} is that of eu`), error.message);
      return true;
    });
  });
}

for (const role of ['release-manager', 'security', 'platform']) {
  test(`a ${role} without listed passkeys is refused outside the demo: whoever signs in as them could enrol one`, async (context) => {
    const settings = await signedDirectory(context, { people: [{ ...mira, roles: [role] }] });
    await assert.rejects(open(settings), {
      code: 'configuration-refused',
      message:
        /roster\.yaml: people: mira approve, lift stops or .*, and have no passkeys key; .*passkeys: \[\]/,
    });
    await openGateFiles(settings, { demo: true });
  });
}

for (const role of ['developer', 'auditor']) {
  test(`a ${role} decides nothing and needs no list of passkeys`, async (context) => {
    await open(await signedDirectory(context, { people: [{ ...mira, roles: [role] }] }));
  });
}

for (const [what, path, change] of [
  ['a byte added to the trust store', 'trust.json', appendFileSync],
  ['a byte added to the roster', 'roster.yaml', appendFileSync],
  ['a target file nobody signed', 'targets/staging.yaml', writeFileSync],
  ['a target file taken away', 'targets/eu.yaml', remove],
  ['a roster taken away', 'roster.yaml', remove],
] as const) {
  test(`${what} stops every later decision, and is named`, async (context) => {
    const settings = await signedDirectory(context);
    const read = await open(settings);
    await read();
    change(join(settings.directory, path), ' ');
    await assert.rejects(read(), (error: Error) => {
      assert.ok('code' in error && error.code === 'configuration-untrusted');
      assert.match(error.message, /^E_CONFIGURATION_FILE: /);
      assert.ok(error.message.includes(join(settings.directory, path)), error.message);
      assert.match(error.message, /airlock config propose/);
      return true;
    });
  });
}

test('what one administrator signed alone, and what nobody signed, is refused by name of who is missing', async (context) => {
  const settings = await signedDirectory(context);
  appendFileSync(join(settings.directory, 'roster.yaml'), '\n');
  await signConfiguration(settings.directory, [both[0]]);
  await assert.rejects(open(settings), {
    code: 'configuration-untrusted',
    message: /^E_CONFIGURATION_QUORUM: .*1 of 2 administrators signed.*not yet: Ben/,
  });
  rmSync(join(settings.directory, 'manifest.dsse.json'));
  await assert.rejects(open(settings), { message: /^E_CONFIGURATION_MANIFEST: .*is not there/ });
});

test('a change that both sign counts from the next read on, and files that are replaced meanwhile are waited for', async (context) => {
  const settings = await signedDirectory(context);
  const read = await open(settings);
  const before = await read();
  appendFileSync(join(settings.directory, 'roster.yaml'), '\n');
  const [files] = await Promise.all([
    read(),
    new Promise((resolve) => setTimeout(resolve, 20)).then(() =>
      signConfiguration(settings.directory, both),
    ),
  ]);
  assert.equal(files.manifest.serial, 2);
  assert.equal(files.manifest.previous, before.manifest.digest);
  assert.notEqual(files.roster.digest, before.roster.digest);
});

test('keys are imported once for a manifest, not at every read', async (context) => {
  const read = await open(await signedDirectory(context));
  const [first, second] = [await read(), await read()];
  for (const [keyid, { key }] of first.trust.signers) {
    assert.equal(second.trust.signers.get(keyid)?.key, key);
  }
  assert.ok(first.trust.signers.size > 0);
});

test('a root of trust that its own people can never meet is refused', async (context) => {
  const settings = await signedDirectory(context);
  const text = administratorsFile({ threshold: 2, domains: 2 }, [ada, ben]);
  for (const [from, to, message] of [
    ['"threshold": 2', '"threshold": 1', /threshold: .*2–8/],
    ['"adminDomain": "ben"', '"adminDomain": "ada"', /2 keys of 1 domains can never be 2 of 2/],
    ['"name": "Ben"', '"name": "Ada"', /name Ada stands twice/],
  ] as const) {
    assert.ok(text.includes(from));
    writeFileSync(settings.administratorsFile, text.replace(from, to));
    await assert.rejects(open(settings), { message });
  }
});
