import assert from 'node:assert/strict';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { Command } from 'commander';
import { CliError, exitCode } from '../exit-codes.ts';
import { registerEmergencyStop } from './emergency-stop.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'airlock-emergency-'));
  writeFileSync(join(directory, 'administrators.json'), '{}');
});
afterEach(() => {
  rmSync(directory, { recursive: true });
});

function emergencyStop(message: string, administrators = 'administrators.json'): string {
  const printed: string[] = [];
  const program = new Command('airlock').exitOverride();
  registerEmergencyStop(program, (lines) => printed.push(...lines));
  program.parse(
    ['emergency-stop', '-m', message, '--administrators', join(directory, administrators)],
    { from: 'user' },
  );
  return printed.join('\n');
}
const refused = (code: number, words: RegExp) => (error: unknown) =>
  error instanceof CliError && error.exitCode === code && words.test(error.message);

test('leaves one file beside administrators.json, with the reason on one line, for everybody to read', () => {
  assert.match(emergencyStop('they have\nthe IdP'), /is on the disk: nothing new begins/);
  assert.deepEqual(readdirSync(directory).sort(), ['administrators.json', 'emergency-stop']);
  const file = join(directory, 'emergency-stop');
  assert.equal(readFileSync(file, 'utf8'), 'they have the IdP\n');
  assert.equal(statSync(file).mode & 0o777, 0o644);
});

test('leaves one that is there as it is, so that it stays the same stop', () => {
  emergencyStop('first');
  const { mtimeMs } = statSync(join(directory, 'emergency-stop'));
  assert.match(emergencyStop('second'), /is there since .* and stays as it is/);
  assert.equal(readFileSync(join(directory, 'emergency-stop'), 'utf8'), 'first\n');
  assert.equal(statSync(join(directory, 'emergency-stop')).mtimeMs, mtimeMs);
});

test('says that nothing was stopped where it cannot write, or the gate would not look', () => {
  assert.throws(
    () => emergencyStop('x', 'elsewhere/administrators.json'),
    refused(exitCode.configuration, /is not there; name the gate's own/),
  );
  // Also root writes no draft where a directory has its name.
  mkdirSync(join(directory, `emergency-stop.${process.pid}`));
  assert.throws(() => emergencyStop('x'), refused(exitCode.error, /^NOT STOPPED: .*as root/));
  assert.throws(() => emergencyStop(' '), refused(exitCode.usage, /say why/));
});
