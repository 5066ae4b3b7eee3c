import assert from 'node:assert/strict';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { furnishHome } from './home.ts';
import { noIsolation } from './isolation/none.ts';
import { createWorkspace } from './workspace.ts';

test('a home keeps what the source has there, and its links lead the files nowhere', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'airlock-home-'));
  const outside = join(directory, 'outside');
  mkdirSync(outside);
  const workspace = await createWorkspace(directory);
  const at = (path: string): string => join(workspace.path, path);
  try {
    mkdirSync(at('.own'));
    writeFileSync(at('.own/file'), 'ours');
    symlinkSync(outside, at('.link'));
    symlinkSync(join(outside, 'absent'), at('.dangling'));
    const { signal } = new AbortController();
    const files = ['.own', '.link', '.dangling', '.new'].map((name) => ({
      ...{ directory: name, name: 'file', text: "it's $HOME %s\n" },
    }));
    await furnishHome({ isolation: noIsolation(null), workspace, signal }, files);
    assert.equal(readFileSync(at('.own/file'), 'utf8'), 'ours');
    assert.equal(readFileSync(at('.new/file'), 'utf8'), "it's $HOME %s\n");
    assert.ok(!existsSync(join(outside, 'file')) && !existsSync(join(outside, 'absent')));
  } finally {
    await workspace.destroy();
    rmSync(directory, { recursive: true });
  }
});
