/** The way of a change from a draft to what is in force, through the command as people run it. */
import assert from 'node:assert/strict';
import { createHash, createPublicKey } from 'node:crypto';
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import {
  readAdministrators,
  readConfiguration,
  verifyConfiguration,
} from '@airlock/process/configuration-directory';
import { Command } from 'commander';
import { z } from 'zod';
import { CliError } from '../exit-codes.ts';
import { registerAccess } from './access.ts';
import { registerConfig } from './config.ts';
import { registerSigner } from './signer.ts';

let at: string;
const builder = 'https://ci.example/builders/main@v1';

/** Runs `airlock` as the command line does, with its end as a value. */
async function airlock(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const before = process.exitCode;
  process.exitCode = 0;
  const lines: string[] = [];
  const print = (more: readonly string[]): void => {
    lines.push(...more);
  };
  const program = new Command('airlock').exitOverride();
  registerAccess(program, print);
  registerConfig(program, print);
  registerSigner(program, print);
  const ended = (code: number, err: string) => ({ code, out: lines.join('\n'), err });
  try {
    await program.parseAsync(args, { from: 'user' });
    return ended(process.exitCode, '');
  } catch (error) {
    if (error instanceof CliError) return ended(error.exitCode, error.message);
    throw error;
  } finally {
    process.exitCode = before;
  }
}

async function done(...args: string[]): Promise<string> {
  const { code, out, err } = await airlock(...args);
  assert.equal(code, 0, err);
  return out;
}

async function refused(code: number, message: RegExp, ...args: string[]): Promise<void> {
  const ended = await airlock(...args);
  assert.match(ended.err, message);
  assert.equal(ended.code, code, ended.err);
}

let place: string[];
let trusted: string[];
const sign = (who: string, digest: string): string[] => [
  ...['config', 'sign', ...place, ...trusted, '--key', join(at, `${who}.pem`), '--digest', digest],
];
const digestIn = (text: string): string =>
  /^proposed: number \d+, ([0-9a-f]{64})$/m.exec(text)?.[1] ?? '';
const trust = (): string => readFileSync(join(at, 'gate/trust.json'), 'utf8');
const keyOf = (name: string): string => /^key (\S+)$/m.exec(keys.get(name) ?? '')?.[1] ?? '';
const keys = new Map<string, string>();

/** Verifies the directory as a gate does. */
async function inForce(): Promise<{ serial: number; signers: number }> {
  const administrators = await readAdministrators(join(at, 'administrators.json'));
  const directory = join(at, 'gate');
  const read = await readConfiguration(directory);
  const { manifest, signers } = verifyConfiguration(directory, { ...read, administrators });
  return { serial: manifest.serial, signers: signers.length };
}

before(async () => {
  at = mkdtempSync(join(tmpdir(), 'airlock-config-'));
  place = ['-C', join(at, 'gate')];
  trusted = ['--administrators', join(at, 'administrators.json')];
  for (const name of ['ada', 'ben', 'main', 'next']) {
    keys.set(
      name,
      await done(
        'keygen',
        join(at, `${name}.pem`),
        ...(name === 'ben' ? ['--alg', 'ed25519'] : []),
      ),
    );
  }
  mkdirSync(join(at, 'gate/targets'), { recursive: true });
  writeFileSync(join(at, 'gate/roster.yaml'), 'version: 1\npeople: []\n');
});
after(() => {
  rmSync(at, { recursive: true, force: true });
});

test('a key pair is one private file of its owner alone and one public file that names it', async () => {
  assert.equal(statSync(join(at, 'ada.pem')).mode & 0o777, 0o600);
  const publicKey = createPublicKey(readFileSync(join(at, 'ada.pub.pem')));
  const keyid = createHash('sha256').update(publicKey.export({ type: 'spki', format: 'der' }));
  assert.equal(keyOf('ada'), keyid.digest('base64'));
  await refused(6, /ada\.pem is there already/, 'keygen', join(at, 'ada.pem'));
  await refused(2, /cannot be written; name a file/, 'keygen', join(at, 'nowhere/x.pem'));
});

test('the root of trust is written from public keys, and never over another one', async () => {
  const people = [
    '--person',
    `Ada,platform,${join(at, 'ada.pub.pem')}`,
    '--person',
    `Ben,security,${join(at, 'ben.pub.pem')}`,
  ];
  const write = ['config', 'administrators', ...people, '--domains', '2', '--to'];
  await refused(2, /threshold: /, ...write, join(at, 'x.json'), '--threshold', '1');
  await refused(2, /can never be 3 of 2/, ...write, join(at, 'x.json'), '--threshold', '3');
  assert.match(
    await done(...write, join(at, 'administrators.json')),
    /2 of 2 people must sign, of 2/,
  );
  await refused(6, /is there already/, ...write, join(at, 'administrators.json'));
});

test('a first key is pinned, shown whole, signed by both and in force with the second signature', async () => {
  const told = await done(
    ...['signer', 'pin', ...place, '--key', join(at, 'main.pub.pem'), '--role', 'provenance'],
    ...['--builder', builder, '--admin-domain', 'nonprod', '--not-after', '2100-01-01T00:00:00Z'],
  );
  assert.ok(told.includes(`+ key ${keyOf('main')}`), told);
  const digest = digestIn(told);
  assert.ok(!existsSync(join(at, 'gate/trust.json')), 'nothing in force before it is signed');
  assert.match(await done('config', 'status', ...place, ...trusted), /0 of 2 .*not yet: Ada, Ben/);
  await refused(2, /nobody is there to ask; give --digest/, ...sign('ada', digest).slice(0, -2));
  await refused(6, /and you mean 0000/, ...sign('ada', '0000'));
  await refused(3, /none of the administrators'/, ...sign('main', digest));
  assert.match(await done(...sign('ada', digest)), /signed; 1 of 2 .*not yet: Ben/);
  await refused(6, /has signed; somebody else/, ...sign('ada', digest));
  assert.ok(!existsSync(join(at, 'gate/manifest.dsse.json')));
  assert.match(await done(...sign('ben', digest)), /number 1 is in force/);
  assert.deepEqual(await inForce(), { serial: 1, signers: 2 });
  assert.match(await done('signer', 'list', ...place), /counts\n {2}provenance for https:\/\/ci/);
});

test('a rotation is a second row and an end for the first; what is in force stays so until both signed', async () => {
  const before = trust();
  const told = await done(
    ...['signer', 'rotate', keyOf('main').slice(0, 8), ...place, '--key', join(at, 'next.pub.pem')],
    ...['--overlap', '7d', '-m', 'a year is over'],
  );
  assert.match(told, /why: rotate .*: a year is over/);
  assert.match(told, /~ key .*\n {4}- notAfter: 2100-01-01T00:00:00Z\n {4}\+ notAfter: /);
  assert.match(told, /give the signer both keys/);
  assert.equal(trust(), before);
  for (const who of ['ada', 'ben']) await done(...sign(who, digestIn(told)));
  assert.deepEqual(await inForce(), { serial: 2, signers: 2 });
  assert.ok(trust().includes(keyOf('next')));
});

test('an edit after the first signature takes that signature away', async () => {
  const told = await done(
    'signer',
    'distrust',
    keyOf('main'),
    ...place,
    '-m',
    'its host was owned',
  );
  assert.match(told, /\+ revokedAt: /);
  await done(...sign('ada', digestIn(told)));
  appendFileSync(join(at, 'gate/proposed/roster.yaml'), '# and more\n');
  await refused(
    6,
    /roster\.yaml is not the proposed file: .*propose again/,
    ...sign('ben', digestIn(told)),
  );
  const again = await done('config', 'propose', ...place);
  assert.match(again, /roster\.yaml: changes\n {2}\+ # and more/);
  assert.match(await done('config', 'status', ...place, ...trusted), /0 of 2 administrators/);
});

test('nobody is asked to sign on top of files that were changed behind a signature', async () => {
  const file = join(at, 'gate/roster.yaml');
  const signed = readFileSync(file);
  appendFileSync(file, '# and more\n');
  await refused(78, /E_CONFIGURATION_FILE: .*gate\/roster\.yaml/, ...sign('ada', '0000'));
  writeFileSync(file, signed);
});

test('a draft is given up, and what is in force stays', async () => {
  assert.match(await done('config', 'discard', ...place), /is gone/);
  await refused(2, /not the beginning/, 'signer', 'distrust', 'nobody', ...place, '-m', 'lost');
  assert.ok(!existsSync(join(at, 'gate/proposed')), 'what is refused leaves no draft');
  assert.deepEqual(await inForce(), { serial: 2, signers: 2 });
  await refused(2, /has no proposal/, ...sign('ada', '0000'));
});

test('what cannot do what it says is told before anybody signs', async () => {
  assert.match(await done('config', 'propose', ...place), /edit them there/);
  const target = readFileSync(join(import.meta.dirname, 'config.fixture.yaml'), 'utf8');
  writeFileSync(join(at, 'gate/proposed/targets/prod-eu.yaml'), target);
  const { code, out } = await airlock('config', 'check', ...place);
  assert.equal(code, 5);
  assert.match(
    out,
    /✗ \S+targets\/prod-eu\.yaml:19:\d+ approvals\.rules\.0: 2 of role release-manager .*has nobody/,
  );
  assert.match(out, /✗ \S+ admits\.0\.tests: required, and no key of role test/);
  assert.match(out, /✗ \S+ admits\.0: no key of role promotion/);
  assert.doesNotMatch(out, /builders/);
  writeFileSync(join(at, 'gate/proposed/targets/prod-eu.yaml'), `${target}aproval: {}\n`);
  await refused(78, /aproval: unknown key/, 'config', 'propose', ...place);
});

test('rules that people cannot meet together and windows that never open are told', async () => {
  const directory = join(at, 'rules');
  mkdirSync(join(directory, 'targets'), { recursive: true });
  writeFileSync(join(directory, 'trust.json'), readFileSync(join(at, 'gate/trust.json')));
  const person = (id: string, roles: string): string =>
    `  - {id: ${id}, name: ${id}, nameId: ${id}, roles: [${roles}], gitEmails: [], passkeys: []}\n`;
  const target = readFileSync(join(import.meta.dirname, 'config.fixture.yaml'), 'utf8');
  const check = async (people: string, rules: string, more = ''): Promise<string> => {
    writeFileSync(join(directory, 'roster.yaml'), `version: 1\npeople:\n${people}`);
    const text = target.replace(/rules: .*/, `rules: [${rules}]`) + more;
    writeFileSync(join(directory, 'targets/prod-eu.yaml'), text);
    return (await airlock('config', 'check', directory)).out;
  };
  const both = '{role: release-manager, count: 1}, {role: security, count: 1}';
  const leo = person('leo', 'release-manager, security');
  assert.match(await check(leo, both), /fills one seat of one rule; .* 1 more people are needed/);
  const three = leo + person('mira', 'release-manager') + person('sam', 'security');
  assert.doesNotMatch(await check(three, both), /seat|never passes/);
  const two = leo + person('mira', 'release-manager');
  assert.match(await check(two, both), /a release that one of leo, mira wrote never passes/);
  const never = 'windows: {deny: [{name: over, start: 2020-01-01, end: 2199-12-31}]}\n';
  assert.match(await check(three, both, never), /windows: never open within 400 days/);
});

test('whose hands production is in is told from what is signed, and a draft by what it gives', async () => {
  const draft = join(at, 'gate/proposed');
  const target = readFileSync(join(import.meta.dirname, 'config.fixture.yaml'), 'utf8');
  const person = (id: string): string =>
    `  - {id: ${id}, name: ${id}, nameId: ${id}, roles: [release-manager], gitEmails: []}\n`;
  writeFileSync(join(draft, 'targets/prod-eu.yaml'), target);
  writeFileSync(
    join(draft, 'roster.yaml'),
    `version: 1\npeople:\n${person('leo')}${person('mira')}`,
  );
  const who = ['who-can-deliver', 'prod-eu', ...place, ...trusted];
  await refused(2, /no target of .*; targets are none/, ...who);
  const told = await done('config', 'propose', ...place);
  for (const name of ['ada', 'ben']) await done(...sign(name, digestIn(told)));

  const powers = await done(...who);
  assert.match(
    powers,
    /approve as release manager: 2 of 2 .*\n {4}leo: single sign-on as leo, and/,
  );
  assert.match(powers, /deliver without these approvals: nobody/);
  assert.match(powers, /change these rules: 2 of 2 .*\n {4}Ada of platform: configuration key /);
  const coalition = await done('coalition', ...place, ...trusted);
  assert.match(coalition, /within the rules:\n {4}leo and mira\n/);
  assert.match(coalition, /bytes that main did not build:\n {4}nobody\n/);
  assert.match(coalition, /deliver anything:\n {4}Ada; with Ben\n/);

  await done('config', 'propose', ...place);
  writeFileSync(join(draft, 'targets/prod-eu.yaml'), target.replace(/count: 2/, 'count: 1'));
  const { out } = await airlock('config', 'check', ...place, ...trusted);
  assert.match(out, /! prod-eu: One person is enough to deliver a release of main .*, alone\./);
  assert.match(out, /~ prod-eu: to approve as release manager it takes 1 instead of 2/);
  assert.match(out, /~ prod-eu: after this change any 1 of leo, mira alone could deliver/);
  const file = join(at, 'gate/targets/prod-eu.yaml');
  const signed = readFileSync(file);
  writeFileSync(file, target.replace(/count: 2/, 'count: 1'));
  await refused(78, /E_CONFIGURATION_FILE/, ...who);
  writeFileSync(file, signed);
});

test('the schema for editors describes the keys of target files and refuses others', async () => {
  const Schema = z.looseObject({
    additionalProperties: z.literal(false),
    properties: z.record(z.string(), z.looseObject({})),
  });
  const schema = Schema.parse(JSON.parse(await done('config', 'schema')));
  const { approvals = {}, windows } = schema.properties;
  assert.match(JSON.stringify(approvals), /When the rule applies, such as/);
  assert.match(JSON.stringify(windows), /IANA/);
});
