/** Passkeys from the command line: what waits and counts is listed, and one is withdrawn; adding one is the browser's. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { enrolPasskey } from '@airlock/cli/decisions';
import { exitCode } from '@airlock/cli/exit-codes';
import { restoreSoftwarePasskey } from '@airlock/cli/software-passkey';
import type { Pair } from '@airlock/demo/pair';
import { commandLine, type CommandLine } from '../support/command-line.ts';
import { runningPair } from '../support/pair.ts';

let pair: Pair;
let shell: CommandLine | undefined;
before(async () => {
  pair = await runningPair();
});
after(() => {
  shell?.dispose();
});

const airlock: CommandLine['airlock'] = (...args) => {
  shell ??= commandLine(pair);
  return shell.airlock(...args);
};

const stateOf = async (credentialId: string): Promise<string | undefined> => {
  const { status, text } = await airlock('passkey', 'list', '-o', 'json');
  assert.equal(status, exitCode.ok, text);
  const { passkeys } = JSON.parse(text) as { passkeys: { credentialId: string; state: string }[] };
  return passkeys.find((each) => each.credentialId === credentialId)?.state;
};

test('airlock passkey lists and withdraws, refuses whoever decides nothing, and says where one is added', async () => {
  const file = await enrolPasskey(await pair.signIn('gate', 'oke'), pair.layout.passkeys);
  const { credentialId } = restoreSoftwarePasskey(readFileSync(file, 'utf8'));
  assert.ok(['recording', 'in-force'].includes((await stateOf(credentialId)) ?? ''));
  const listed = await airlock('passkey', 'list', '--as', 'dana');
  assert.ok(listed.text.includes(`${credentialId}  oke  “software passkey (demo)”`), listed.text);

  const withdraw = (person: string) =>
    airlock('passkey', 'withdraw', '--as', person, '--', credentialId);
  const refused = await withdraw('dana');
  assert.equal(refused.status, exitCode.notAllowed, refused.text);
  assert.notEqual(await stateOf(credentialId), 'withdrawn');
  const done = await withdraw('oke');
  assert.equal(done.status, exitCode.ok, done.text);
  assert.ok(done.text.includes(`${pair.gateOrigin}/me`), done.text);
  assert.equal(await stateOf(credentialId), 'withdrawn');
  assert.equal(existsSync(file), false);
  const again = await withdraw('oke');
  assert.equal(again.status, exitCode.notAllowed);
  assert.match(again.text, /none any more/);

  const add = await airlock('passkey', 'add');
  assert.equal(add.status, exitCode.notAllowed);
  assert.match(add.text, /added in the browser/);
  assert.ok(add.text.includes(`${pair.gateOrigin}/me`), add.text);
});
