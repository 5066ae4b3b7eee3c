/** Low-value secrets through the real processes: the page, the command line's interface, and where a value may not be. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { examine } from '@airlock/cli/doctor';
import { readInstallation, type Finding } from '@airlock/cli/doctor/installation';
import { secretMark } from '@airlock/common/wire/secret-marks';
import type { Pair } from '@airlock/demo/pair';
import type { Browser } from 'playwright-core';
import { dumpOf, filesBelow, newCanary, placesWith, redisOf } from '../support/canary.ts';
import {
  becomeAdministrator,
  launchChromium,
  openPage,
  picture,
  sidewaysScroll,
  signInAs,
  withoutChromium,
} from '../support/chromium.ts';
import { runningPair } from '../support/pair.ts';

const root = join(import.meta.dirname, '../..');
const node = [
  '--conditions=source',
  '--import',
  join(root, 'scripts/tsx-hooks.mjs'),
  '--disable-warning=ExperimentalWarning',
];
const project = 'shop/shop-api';
let browser: Browser;
before(async () => {
  if (withoutChromium === false) browser = await launchChromium();
});
after(async () => {
  if (withoutChromium === false) await browser.close();
});

const wish = (name: string, value: string) => ({ name, value, description: '', lowValue: true });

test(
  'the platform team sets, replaces and erases a secret on its page; the value is on none',
  { skip: withoutChromium },
  async () => {
    const pair = await runningPair();
    const { context, page, complaints } = await openPage(browser, { scheme: 'light', width: 1280 });
    await signInAs(page, `${pair.nonprodOrigin}/secrets`, 'oke');
    await becomeAdministrator(page, '/secrets');
    const first = newCanary();
    await page.fill('#name', 'REGISTRY_TOKEN');
    await page.fill('#description', 'pushes images to the test registry');
    await page.fill('#value', `${first}\nsecond line`);
    await page.click('button:has-text("Set")');
    // The box is not ticked: the browser keeps the form.
    assert.equal(new URL(page.url()).pathname, '/secrets');
    await page.check('#lowValue');
    await page.click('button:has-text("Set")');
    await page.waitForURL('**/secrets/REGISTRY_TOKEN');
    await page.getByText('current').waitFor();
    assert.ok(!(await page.content()).includes(first));

    await page.fill('#value', newCanary());
    await page.check('#lowValue');
    await page.click('button:has-text("Set")');
    await page.getByText('erased').first().waitFor();
    await picture(page, 'secret-1280-light');
    await page.goto(`${pair.nonprodOrigin}/secrets`);
    // Other tests keep secrets of theirs in the same pair.
    const row = page.getByRole('row').filter({ hasText: 'REGISTRY_TOKEN' });
    await row.getByRole('cell', { name: 'version 2' }).waitFor();
    for (const [scheme, width] of [
      ['light', 1280],
      ['dark', 1280],
      ['light', 390],
      ['dark', 390],
    ] as const) {
      await page.emulateMedia({ colorScheme: scheme });
      await page.setViewportSize({ width, height: 900 });
      assert.equal(await sidewaysScroll(page), 0, `${width}`);
      await picture(page, `secrets-${width}-${scheme}`);
    }
    await page.click('a[href="/secrets/REGISTRY_TOKEN"]');
    await picture(page, 'secret-390-dark');
    await page.click('button:has-text("Erase REGISTRY_TOKEN")');
    await page.waitForURL('**/secrets');
    await row.getByRole('cell', { name: 'erased' }).waitFor();
    assert.deepEqual(complaints, []);
    await context.close();
  },
);

test('developers and auditors see names, and change nothing', async () => {
  const pair = await runningPair();
  const oke = await pair.signIn('nonprod', 'oke');
  await oke.postJson('/api/v1/secrets', wish('SEEN_BY_NAME', newCanary()));
  for (const person of ['dana', 'aud']) {
    const session = await pair.signIn('nonprod', person);
    const list = JSON.stringify(await session.getJson('/api/v1/secrets'));
    assert.match(list, /SEEN_BY_NAME/);
    const changes = [
      () => session.postJson('/api/v1/secrets', wish('OTHER', newCanary())),
      () => session.postJson('/api/v1/secrets/SEEN_BY_NAME/erase', {}),
      () => session.postJson('/api/v1/secret-key/rotate', {}),
      () => session.postJson('/api/v1/secret-key/erase', { project }),
    ];
    for (const change of changes) await assert.rejects(change(), /403.*platform/s, person);
    assert.equal(JSON.stringify(await session.getJson('/api/v1/secrets')), list);
  }
});

const refused = [
  ['a value of seven characters', wish('SHORT', 'abcdefg'), /value: expected 8 characters/],
  [
    'a value without the word that it is of low value',
    { name: 'N', value: 'long enough' },
    /lowValue/,
  ],
  ['a name that no pipeline can say', wish('1 2', 'value'), /name: expected 1 to 63/],
  ['more than 32 KiB', wish('LONG', 'x'.repeat(32 * 1024 + 1)), /expected 32768 bytes at most/],
] as const;
for (const [what, body, words] of refused) {
  test(`${what} is refused in words`, async () => {
    const oke = await (await runningPair()).signIn('nonprod', 'oke');
    await assert.rejects(oke.postJson('/api/v1/secrets', body), words);
  });
}

test('airlock secret sets from standard input, lists, rotates and erases, and prints no value', async () => {
  const pair = await runningPair();
  const directory = mkdtempSync(join(tmpdir(), 'airlock-secret-'));
  mkdirSync(join(directory, '.demo'));
  writeFileSync(
    join(directory, '.demo/context.json'),
    JSON.stringify({ gate: pair.gateOrigin, nonprod: pair.nonprodOrigin, passkeys: directory }),
  );
  const airlock = (input: string, ...args: string[]) =>
    new Promise<{ status: number | null; text: string }>((resolve) => {
      const child = execFile(
        process.execPath,
        [...node, join(root, 'packages/cli/src/main.ts'), 'secret', ...args],
        { cwd: directory },
        (_error, stdout, stderr) => {
          resolve({ status: child.exitCode, text: stdout + stderr });
        },
      );
      child.stdin?.end(input);
    });
  const value = newCanary();
  const said = [
    await airlock(`${value}\n`, 'set', 'FROM_STDIN', '--low-value', '-m', 'for a test'),
    await airlock('', 'list'),
    await airlock('', 'rotate'),
    await airlock('', 'erase', 'FROM_STDIN'),
  ];
  assert.deepEqual(
    said.map(({ status }) => status),
    [0, 0, 0, 0],
    JSON.stringify(said),
  );
  assert.match(said[0]?.text ?? '', /^FROM_STDIN of shop\/shop-api is set, version 1$/m);
  assert.match(said[1]?.text ?? '', /^FROM_STDIN +v1 {2}set \S+ by oke@\S+ {2}for a test$/m);
  assert.deepEqual(placesWith(value, [['output', Buffer.from(JSON.stringify(said))]]), []);

  assert.equal((await airlock(value, 'set', 'FROM_STDIN')).status, 2);
  assert.match((await airlock(value, 'set', 'FROM_STDIN')).text, /--low-value/);
  assert.equal((await airlock('', 'erase')).status, 2);
  const gone = await airlock('', 'erase', 'FROM_STDIN');
  assert.equal(gone.status, 1);
  assert.match(gone.text, /There is no such secret/);
  assert.equal((await airlock(value, 'set', 'MINE', '--low-value', '--as', 'dana')).status, 3);
  rmSync(directory, { recursive: true });
});

test('everything of a project is erased by its name alone, and set anew under another key', async () => {
  const pair = await runningPair();
  const oke = await pair.signIn('nonprod', 'oke');
  const keys = () => pair.query<{ id: string }>('nonprod', 'select id from project_dek');
  await oke.postJson('/api/v1/secrets', wish('ONE_OF_MANY', newCanary()));
  const [before] = await keys();
  await assert.rejects(oke.postJson('/api/v1/secret-key/erase', { project: 'shop' }), /409/);
  await oke.postJson('/api/v1/secret-key/erase', { project });
  assert.deepEqual(await keys(), []);
  assert.deepEqual(await pair.query('nonprod', 'select 1 from secret_dek'), []);
  await oke.postJson('/api/v1/secrets', wish('ONE_OF_MANY', newCanary()));
  const [after] = await keys();
  assert.ok(before !== undefined && after !== undefined && before.id !== after.id);
});

test('without the keeper no secret is set, and everything else goes on', async () => {
  const pair = await runningPair();
  const oke = await pair.signIn('nonprod', 'oke');
  await oke.postJson('/api/v1/secret-key/erase', { project });
  const key = join(pair.layout.keys, 'nonprod-keeper/1.key');
  renameSync(key, `${key}.away`);
  try {
    const set = oke.postJson('/api/v1/secrets', wish('WITHOUT_KEEPER', newCanary()));
    await assert.rejects(set, /503.*dependency-unavailable/s);
    await oke.getJson('/api/v1/secrets');
    await oke.getJson('/api/v1/runs');
  } finally {
    renameSync(`${key}.away`, key);
  }
  await oke.postJson('/api/v1/secrets', wish('WITHOUT_KEEPER', newCanary()));
});

test('a value that was set is in no table, no page of Postgres, no Redis and no log, in any form', async () => {
  const pair = await runningPair();
  const oke = await pair.signIn('nonprod', 'oke');
  const [canary, replaced, name] = [newCanary(), newCanary(), `N_${newCanary()}`];
  await oke.postJson('/api/v1/secrets', wish(name, replaced));
  await oke.postJson('/api/v1/secrets', wish(name, `before\n${canary}`));
  await oke.postJson('/api/v1/secret-key/rotate', {});
  await assert.rejects(oke.postJson('/api/v1/secrets', { ...wish('X', canary), more: true }));
  // The gate asks for marks, the background job moves keys, and everything is on disk.
  const moved = async () =>
    (await pair.query('nonprod', 'select 1 from project_dek where not is_active')).length === 0;
  for (let look = 0; !(await moved()); look += 1) {
    assert.ok(look < 100, 'what the old key wraps is moved within seconds of a rotation');
    await sleep(100);
  }
  await pair.query('nonprod', 'checkpoint');
  const [data] = await pair.query<{ place: string }>(
    'nonprod',
    "select current_setting('data_directory') as place",
  );
  assert.ok(data !== undefined);
  const places = [
    ...(await dumpOf(pair, 'nonprod')),
    ...(await dumpOf(pair, 'gate')),
    await redisOf(pair.redis.nonprod.url),
    ...filesBelow(data.place),
    ...filesBelow(pair.layout.logs),
    ...filesBelow(pair.layout.work),
  ];
  for (const value of [canary, replaced]) assert.deepEqual(placesWith(value, places), []);
  // The same search finds what may be there, so that it would have found the value.
  const found = placesWith(name, places);
  assert.ok(found.includes('nonprod.secret'));
  assert.ok(found.some((place) => place.startsWith(data.place)));
  assert.ok(found.some((place) => place.endsWith('nonprod-web.log')));
});

/** Intake asks when it starts, and once a minute. */
async function marksTold(pair: Pair, name: string): Promise<{ key: Buffer; mark: string }> {
  await pair.process('gate-intake').stop();
  await pair.start('gate-intake');
  for (let look = 0; look < 100; look += 1) {
    const [row] = await pair.query<{ key: Buffer; marks: { secret: string; mark: string }[] }>(
      'gate',
      'select key, marks from nonprod_secret_mark_set',
    );
    const found = row?.marks.find(({ secret }) => secret === `${project}/${name}`);
    if (row !== undefined && found !== undefined) return { key: row.key, mark: found.mark };
    await sleep(100);
  }
  return assert.fail(`no mark of ${name} came to the gate within 10 s`);
}

test('the gate has the marks of what nonprod keeps, and not the values', async () => {
  const pair = await runningPair();
  const oke = await pair.signIn('nonprod', 'oke');
  const value = newCanary();
  await oke.postJson('/api/v1/secrets', wish('MARKED', value));
  const { key, mark } = await marksTold(pair, 'MARKED');
  assert.equal(mark, secretMark(key, value));
  assert.deepEqual(placesWith(value, await dumpOf(pair, 'gate')), []);
});

test('a password of the gate that nonprod keeps too is told by its process and by the doctor, with its place and the secret', async () => {
  const pair = await runningPair();
  const oke = await pair.signIn('nonprod', 'oke');
  const password = readFileSync(join(pair.layout.keys, 'database/gate_authority'), 'utf8');
  await oke.postJson('/api/v1/secrets', wish('REUSED', password));
  await marksTold(pair, 'REUSED');
  await pair.process('gate-authority').stop();
  await pair.start('gate-authority');
  const log = (): string => readFileSync(join(pair.layout.logs, 'gate-authority.log'), 'utf8');
  for (let look = 0; look < 100 && !log().includes('secret.known-to-nonprod'); look += 1) {
    await sleep(100);
  }
  const lines = log()
    .split('\n')
    .filter((line) => line.includes('secret.known-to-nonprod'));
  assert.equal(lines.length, 1);
  assert.match(lines[0] ?? '', /"log.level":"error".*"setting":"database.passwordFile"/);
  assert.match(lines[0] ?? '', /shop\/shop-api\/REUSED/);

  const examined = (): Promise<readonly Finding[]> =>
    readInstallation(pair.layout.config).then((found) => examine(found, ['low-value']));
  const [overlap] = await examined();
  assert.equal(overlap?.status, 'fail');
  assert.match(overlap.summary, /gate_authority is nonprod's secret shop\/shop-api\/REUSED$/);
  await oke.postJson('/api/v1/secrets/REUSED/erase', {});
  await oke.postJson('/api/v1/secrets', wish('AFTERWARDS', newCanary()));
  await marksTold(pair, 'AFTERWARDS');
  const [healthy] = await examined();
  assert.equal(healthy?.status, 'pass', healthy?.summary);
});
