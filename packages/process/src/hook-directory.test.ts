import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { readHookDirectory } from './hook-directory.ts';

const directory = mkdtempSync(join(tmpdir(), 'airlock-hook-directory-'));
after(() => {
  rmSync(directory, { recursive: true, force: true });
});

let made = 0;
function hook(): string {
  made += 1;
  const path = join(directory, `hook-${made}`);
  mkdirSync(join(path, 'lib'), { recursive: true });
  writeFileSync(join(path, 'run'), '#!/bin/sh\n');
  chmodSync(join(path, 'run'), 0o755);
  writeFileSync(join(path, 'hook.yaml'), 'version: 1\n');
  chmodSync(join(path, 'hook.yaml'), 0o644);
  writeFileSync(join(path, 'lib', 'data'), 'x');
  return path;
}

test('every file below the directory is read, with its path and whether it is executable', async () => {
  const { files } = await readHookDirectory(hook());
  const found = files.map(({ path, mode, content }) => `${path} ${mode} ${content.length}`).sort();
  assert.deepEqual(found, ['hook.yaml 644 11', 'lib/data 644 1', 'run 755 10']);
});

test('two directories with the same files have one digest, whatever their name and other mode bits', async () => {
  const [one, two] = [hook(), hook()];
  chmodSync(join(two, 'hook.yaml'), 0o600);
  chmodSync(join(two, 'run'), 0o700);
  assert.equal((await readHookDirectory(one)).digest, (await readHookDirectory(two)).digest);
  chmodSync(join(two, 'hook.yaml'), 0o755);
  assert.notEqual((await readHookDirectory(one)).digest, (await readHookDirectory(two)).digest);
});

test('a link, a pipe and an unusual name make the hook unreadable, because they could be something else tomorrow', async () => {
  const spoils: ((path: string) => void)[] = [
    (path) => {
      symlinkSync('/etc/passwd', join(path, 'link'));
    },
    (path) => {
      symlinkSync('/etc', join(path, 'directory-link'));
    },
    (path) => execFileSync('mkfifo', [join(path, 'pipe')]),
  ];
  for (const spoil of spoils) {
    const path = hook();
    spoil(path);
    await assert.rejects(readHookDirectory(path), { code: 'hook-unreadable' });
  }
  const odd = hook();
  writeFileSync(join(odd, 'a b'), '');
  await assert.rejects(readHookDirectory(odd), { code: 'hook-file-malformed' });
});

test('too many files are refused, and a directory that is not there is said to be missing', async () => {
  const path = hook();
  for (let index = 0; index < 62; index += 1) writeFileSync(join(path, `file-${index}`), '');
  await assert.rejects(readHookDirectory(path), { code: 'hook-unreadable' });
  await assert.rejects(readHookDirectory(join(directory, 'none')), { code: 'hook-missing' });
});
