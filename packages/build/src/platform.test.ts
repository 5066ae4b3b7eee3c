import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { ownPlatform, platformOf } from './platform.ts';

test('platforms have the words of OCI images; a machine that they have none for keeps the kernel’s', () => {
  const of = (machine: string): string => platformOf({ type: 'Linux', machine });
  assert.equal(of('x86_64'), 'linux/amd64');
  assert.equal(of('i686'), 'linux/386');
  assert.equal(of('aarch64'), 'linux/arm64');
  assert.equal(of('armv7l'), 'linux/arm/v7');
  assert.equal(of('riscv64'), 'linux/riscv64');
  assert.equal(of('constructor'), 'linux/constructor');
});

test('this machine’s platform is the one that uname says', () => {
  const uname = (flag: string): string =>
    execFileSync('uname', [flag], { encoding: 'utf8' }).trim();
  assert.equal(ownPlatform(), platformOf({ type: uname('-s'), machine: uname('-m') }));
});
