import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { stepScript } from './step-script.ts';

function sh(commands: string[]): { stdout: string; status: number | null } {
  const { stdout, status } = spawnSync('/bin/sh', ['-c', stepScript(commands)], {
    encoding: 'utf8',
    env: { PATH: '/usr/bin:/bin', NAME: 'it' },
  });
  return { stdout, status };
}

test('every command is shown before it runs', () => {
  assert.deepEqual(sh(['echo one', 'echo two']), {
    stdout: '+ echo one\none\n+ echo two\ntwo\n',
    status: 0,
  });
});

test('the first command that fails ends the step with its exit code', () => {
  assert.deepEqual(sh(['echo one', '(exit 3)', 'echo never']), {
    stdout: '+ echo one\none\n+ (exit 3)\n',
    status: 3,
  });
});

test('a command is shown as it was written, and what it says is expanded only when it runs', () => {
  const command = `printf '%s\\n' "$NAME's" '%s\\n' "\`echo x\`"`;
  assert.equal(sh([command]).stdout, `+ ${command}\nit's\n%s\\n\nx\n`);
});

test('a command of several lines is one command', () => {
  assert.equal(
    sh(['for i in 1 2; do\n  echo $i\ndone']).stdout,
    '+ for i in 1 2; do\n  echo $i\ndone\n1\n2\n',
  );
});

test('a directory changed by one command holds for the next', () => {
  assert.equal(sh(['cd /usr', 'pwd']).stdout, '+ cd /usr\n+ pwd\n/usr\n');
});
