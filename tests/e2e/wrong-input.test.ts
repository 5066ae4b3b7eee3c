/** What a person gets wrong ends in one message that names the file or the setting and what to do; 78 is configuration. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { appendFileSync, cpSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { processNames, type ProcessName } from '@airlock/demo/names';
import { signByAdministrators } from '@airlock/demo/prepare';
import { freePort } from '@airlock/testkit/ports';
import {
  at,
  runBundle,
  startWrong,
  type Breaking,
  type Config,
  type Ended,
} from '../support/own-process.ts';
import { runningPair } from '../support/pair.ts';

const root = join(import.meta.dirname, '../..');

/** The one message of a refused start. */
function refusal({ exitCode, lines, stderr }: Omit<Ended, 'file'>): string {
  assert.equal(exitCode, 78, JSON.stringify(lines));
  assert.equal(stderr, '');
  const refused = lines.filter(({ event }) => event === 'process.configuration-refused');
  assert.equal(refused.length, 1, 'one message');
  assert.deepEqual(
    lines.map(({ event }) => event),
    ['process.configuration-refused', 'process.stopped'],
  );
  const message = refused[0]?.message ?? '';
  assert.doesNotMatch(message, /\n\s+at /, 'no stack');
  return message;
}

/** `message` may use FILE for the path of the configuration file. */
async function assertRefused(
  name: ProcessName,
  breaking: Breaking,
  ...expected: readonly (string | RegExp)[]
): Promise<void> {
  const ended = await startWrong(await runningPair(), name, breaking);
  const message = refusal(ended).replaceAll(ended.file, 'FILE');
  for (const part of expected) {
    if (typeof part === 'string') assert.ok(message.includes(part), `${part} in: ${message}`);
    else assert.match(message, part);
  }
}

/** Moves away what the running process of the same name holds: ports and the directory of its hooks. */
async function apart(config: Config, directory: string): Promise<Config> {
  for (const key of ['listen', 'listener', 'runnerApi', 'figures']) {
    if (key in config) at(config, key)['port'] = await freePort();
  }
  if ('runnerEdge' in config) at(config, 'runnerEdge', 'enrolment')['port'] = await freePort();
  if ('rebuilds' in config) at(config, 'rebuilds', 'listener')['port'] = await freePort();
  if ('secrets' in config) at(config, 'secrets')['socketPath'] = join(directory, 'marks.sock');
  if ('hooks' in config) at(config, 'hooks')['workDirectory'] = join(directory, 'hooks');
  return config;
}

for (const name of processNames) {
  test(`${name}: an unknown key is named, with what to do and the keys that are known`, () =>
    assertRefused(
      name,
      (config) => ({ ...config, retries: 3 }),
      'FILE: retries: unknown key; remove it or correct its spelling (known here: ',
    ));
}

test('text that is no YAML is named with its file and place', () =>
  assertRefused('gate-intake', () => 'database: {host: [\n', /^FILE: .*line \d/));

test('a key given twice is refused', () =>
  assertRefused(
    'gate-watchdog',
    (config) => `staleSeconds: 3\nstaleSeconds: 4\nledger: ${JSON.stringify(config['ledger'])}\n`,
    /^FILE: .*unique.*line 2/i,
  ));

test('an empty file is refused', () =>
  assertRefused('signer', () => '', 'FILE: a mapping of keys to values is expected'));

test('a missing key is named with what belongs there', () =>
  assertRefused(
    'gate-deliverer',
    (config) => {
      delete config['database'];
      return config;
    },
    'FILE: database: required and missing; add it',
  ));

test('an unknown key inside a block is named with its path', () =>
  assertRefused(
    'nonprod-scheduler',
    (config) => {
      at(config, 'database')['pasword'] = 'x';
      return config;
    },
    'FILE: database.pasword: unknown key',
  ));

test('a value out of range is named with its range', () =>
  assertRefused(
    'gate-deliverer',
    (config) => ({ ...config, staleSeconds: 1 }),
    /^FILE: staleSeconds: .*\(3–120\)/,
  ));

test('two faults are told at once, one line each', () =>
  assertRefused(
    'gate-authority',
    (config) => {
      delete config['issuer'];
      return { ...config, colour: 'blue' };
    },
    /^FILE: issuer: required and missing; add it/m,
    /^FILE: colour: unknown key/m,
  ));

const nowhere = '/nonexistent/file.pem';
const missingFiles: readonly [ProcessName, key: readonly string[]][] = [
  ['nonprod-web', ['runnerApi', 'keyFile']],
  ['nonprod-web', ['saml', 'keyFile']],
  ['nonprod-web', ['secrets', 'keeper', 'directory']],
  ['nonprod-outbox', ['listener', 'caFile']],
  ['nonprod-scheduler', ['database', 'passwordFile']],
  ['signer', ['keys', 'main']],
  ['nonprod-web', ['runnerEdge', 'authority', 'keyFile']],
  ['runner', ['controlPlane', 'identityFile']],
  ['gate-intake', ['outbox', 'keyFile']],
  ['gate-intake', ['files', 'directory']],
  ['gate-web', ['saml', 'idp', 'certificateFile']],
  ['gate-web', ['ledgerKeyFile']],
  ['gate-web', ['rebuilds', 'listener', 'caFile']],
  ['rebuilder', ['gate', 'caFile']],
  ['rebuilder', ['builder', 'keyFile']],
  ['gate-authority', ['keyFile']],
  ['gate-authority', ['attestationKeyFile']],
  ['gate-deliverer', ['files', 'administratorsFile']],
  ['gate-watchdog', ['ledger', 'keyFile']],
  ['gate-watchdog', ['vault', 'identity', 'secretIdFile']],
];
for (const [name, path] of missingFiles) {
  test(`${name}: a missing file of ${path.join('.')} is named, with what to do`, () =>
    assertRefused(
      name,
      async (config, directory) => {
        const key = path.at(-1) ?? '';
        at(config, ...path.slice(0, -1))[key] = nowhere;
        return apart(config, directory);
      },
      nowhere,
      /create|correct|check|issue|copy|give|make/,
    ));
}

test('a configuration file that is not there is named', async () => {
  const message = refusal(await runBundle('gate-intake', ['--config', '/nonexistent/gate.yaml']));
  assert.match(
    message,
    /^\/nonexistent\/gate\.yaml: cannot be read .*give an existing file with --config/,
  );
});

test('a process started without a configuration says how it is started', async () => {
  const message = refusal(await runBundle('gate-intake', []));
  assert.match(message, /usage: --config FILE\.yaml/);
});

test('a target file with an unknown key is named with its place, whoever signed it', async () => {
  const pair = await runningPair();
  await assertRefused(
    'gate-intake',
    async (config, directory) => {
      const broken = join(directory, 'gate-config');
      cpSync(pair.layout.gateConfig, broken, { recursive: true });
      appendFileSync(join(broken, 'targets', 'prod-eu.yaml'), 'aproval: {}\n');
      await signByAdministrators(broken, pair.keys);
      at(config, 'files')['directory'] = broken;
      return config;
    },
    /prod-eu\.yaml.*aproval/,
  );
});

test('a target file that nobody signed is named with what is signed and what to do', async () => {
  const pair = await runningPair();
  await assertRefused(
    'gate-intake',
    (config, directory) => {
      const edited = join(directory, 'gate-config');
      cpSync(pair.layout.gateConfig, edited, { recursive: true });
      appendFileSync(join(edited, 'targets', 'prod-eu.yaml'), '# ours now\n');
      at(config, 'files')['directory'] = edited;
      return config;
    },
    /^E_CONFIGURATION_FILE: .*targets\/prod-eu\.yaml is not the signed file: SHA-256 [0-9a-f]{64} is signed, [0-9a-f]{64} found/,
    /airlock config propose/,
  );
});

// Its own configuration names the ports of the one that runs.
const takenPorts = [
  ['nonprod-web', 'runnerApi', 'runnerApi'],
  ['nonprod-web', 'runnerEdge.enrolment', 'enrolment'],
  ['nonprod-web', 'listen', 'nonprod'],
  ['nonprod-outbox', 'listener', 'outbox'],
  ['gate-web', 'listen', 'gate'],
] as const;
for (const [name, key, port] of takenPorts) {
  test(`${name}: a taken port of ${key} is named, with what to do`, async () => {
    const { ports } = await runningPair();
    await assertRefused(
      name,
      async (config, directory) => {
        const taken = ports[port];
        at(await apart(config, directory), ...key.split('.'))['port'] = taken;
        return config;
      },
      new RegExp(`^${key}.*127\\.0\\.0\\.1:${ports[port]}.*(free the port|end it)`),
    );
  });
}

for (const name of ['signer', 'gate-authority'] as const) {
  test(`${name}: a socket that another process answers on is not taken from it`, () =>
    assertRefused(name, (config) => config, /socket/i, /stop|change|another/i));
}

const users: readonly ProcessName[] = [
  'nonprod-web',
  'nonprod-scheduler',
  'nonprod-outbox',
  'gate-intake',
  'gate-web',
  'gate-authority',
  'gate-deliverer',
  'gate-watchdog',
];
for (const name of users) {
  test(`${name}: no Postgres at the port is said with host, port and what to do`, async () => {
    const port = await freePort();
    await assertRefused(
      name,
      async (config, directory) => {
        at(config, 'database')['port'] = port;
        return apart(config, directory);
      },
      `database: no Postgres answers at 127.0.0.1:${port}`,
      'start it, or correct database.host and database.port',
    );
  });
}

test('a wrong password is told from an absent server, and names the file', () =>
  assertRefused(
    'gate-intake',
    (config, directory) => {
      const file = join(directory, 'password');
      writeFileSync(file, 'wrong\n', { mode: 0o600 });
      at(config, 'database')['passwordFile'] = file;
      return config;
    },
    'refused the password of "gate_intake"; correct database.passwordFile',
  ));

test('a database that is not there is named', () =>
  assertRefused(
    'gate-watchdog',
    (config) => {
      at(config, 'database')['name'] = 'gte';
      return config;
    },
    'has no database "gte"; correct database.name',
  ));

test('without Redis deliverer and web start all the same and say so once', async () => {
  const pair = await runningPair();
  const url = `redis://127.0.0.1:${await freePort()}`;
  const [deliverer, web] = await Promise.all([
    startWrong(
      pair,
      'gate-deliverer',
      async (config, directory) => ({ ...(await apart(config, directory)), redis: { url } }),
      6,
    ),
    startWrong(
      pair,
      'gate-web',
      async (config, directory) => ({ ...(await apart(config, directory)), redis: { url } }),
      6,
    ),
  ]);
  for (const { exitCode, lines } of [deliverer, web]) {
    assert.ok(
      lines.some(({ event }) => event === 'process.ready'),
      JSON.stringify(lines),
    );
    assert.equal(exitCode, 0, 'it ends when it is asked to');
    const said = lines.filter(({ event }) => event === 'doorbell.silent');
    assert.ok(said.length <= 1, 'once');
    for (const { message } of said) {
      assert.match(
        message,
        new RegExp(`redis\\.url: .*${url.slice('redis://'.length)}.*Start Redis`),
      );
    }
  }
  const heard = deliverer.lines.filter(({ event }) => event === 'doorbell.silent');
  assert.equal(heard.length, 1, 'who listens for the bell says that it is silent');
});

interface Output {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function script(...args: readonly string[]): Promise<Output> {
  return new Promise((resolve) => {
    const child = execFile(
      process.execPath,
      [join(root, 'scripts/node24.mjs'), ...args],
      { cwd: root, timeout: 60_000 },
      (_error, stdout, stderr) => {
        resolve({ code: child.exitCode, stdout, stderr });
      },
    );
  });
}

const airlock = (...args: readonly string[]): Promise<Output> =>
  script('packages/cli/src/main.ts', ...args);

const misuse: readonly [claim: string, args: readonly string[], words: RegExp][] = [
  ['an unknown verb', ['deploy-now'], /unknown command 'deploy-now'/],
  ['a verb without its argument', ['approve'], /name the promotion, an id such as prm_/],
  ['an unknown flag', ['queue', '--all'], /unknown option '--all'/],
  [
    'a missing directory',
    ['conformance', 'admission', '/nonexistent'],
    /\/nonexistent cannot be read/,
  ],
  [
    'an unknown kind',
    ['conformance', 'poetry', 'tests/vectors'],
    /admission and approval, not poetry/,
  ],
  [
    'a missing evidence file',
    ['verify', '/nonexistent.tar', '--pinned', 'package.json'],
    /package\.json: /,
  ],
  [
    'a missing file of pinned keys',
    ['verify', 'package.json', '--pinned', '/nonexistent'],
    /\/nonexistent cannot be read/,
  ],
  [
    'pinned keys that are no JSON',
    ['verify', 'package.json', '--pinned', 'README.md'],
    /README\.md/,
  ],
  ['an unknown check of the doctor', ['doctor', '--only', 'mood'], /no check mood; checks are /],
];
for (const [claim, args, words] of misuse) {
  test(`airlock: ${claim} is misuse (exit 2), with words and no stack`, async () => {
    const { code, stdout, stderr } = await airlock(...args);
    assert.equal(code, 2, stderr);
    assert.equal(stdout, '');
    assert.match(stderr, words);
    assert.doesNotMatch(stderr, /\n\s+at /);
  });
}

test('airlock verify: an evidence file that is not there is misuse (exit 2)', async () => {
  const { pinnedFile } = await runningPair();
  const { code, stderr } = await airlock('verify', '/nonexistent.tar', '--pinned', pinnedFile);
  assert.equal(code, 2, stderr);
  assert.match(stderr, /\/nonexistent\.tar cannot be read/);
});

test('npm run demo -- bogus prints its usage and exits 2', async () => {
  const { code, stdout, stderr } = await script('scripts/demo.ts', 'bogus');
  assert.equal(code, 2);
  assert.equal(stdout, '');
  assert.match(stderr, /usage: npm run demo/);
});
