import assert from 'node:assert/strict';
import {
  globSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { runsAsRoot } from '@airlock/sandbox/host';
import { probeSandbox } from '@airlock/sandbox/probe';
import { bubblewrapIsolation } from './isolation/bubblewrap.ts';
import { defaultLimits, type BuildLimits } from './isolation/limits.ts';
import { createWorkspace, prepareWorkDirectory } from './workspace.ts';

const mebibyte = 1024 * 1024;
const walled: BuildLimits = {
  ...defaultLimits,
  workspace: 'walled',
  workspaceBytes: 16 * mebibyte,
  workspaceFiles: 1000,
};
const probe = await probeSandbox();

describe(
  'a workspace with a wall',
  { skip: runsAsRoot() && probe.available ? false : 'NOT TESTED: only root mounts file systems' },
  () => {
    let directory: string;
    before(() => {
      mkdirSync('.test', { recursive: true });
      directory = mkdtempSync(join(process.cwd(), '.test', 'workspace-'));
    });
    after(() => {
      rmSync(directory, { recursive: true });
    });
    const mounts = (): string =>
      readFileSync('/proc/self/mounts', 'utf8')
        .split('\n')
        .filter((line) => line.includes(directory))
        .join('\n');

    async function run(command: string) {
      const workspace = await createWorkspace(directory, walled);
      let output = '';
      try {
        const result = await bubblewrapIsolation({ nodeBinary: null, limits: walled }).run({
          ...{ command: ['/bin/sh', '-c', command], env: {}, workspace: workspace.path },
          ...{ writable: true, wallSeconds: 60, signal: new AbortController().signal },
          onOutput: (_, chunk) => {
            output += chunk.toString();
          },
        });
        return { ...result, output };
      } finally {
        await workspace.destroy();
      }
    }

    test('holds no byte more than its limit, and the step says which', async () => {
      const { exitCode, exceeded, output, enforced } = await run(
        'head -c 64M /dev/zero > big; code=$?; stat -c %s big; exit $code',
      );
      const size = Number(/^\d+$/m.exec(output)?.[0]);
      assert.ok(size > 8 * mebibyte && size <= 16 * mebibyte, output);
      assert.notEqual(exitCode, 0);
      assert.deepEqual([...exceeded], ['disk']);
      assert.match(output, /this step filled the workspace beyond 16 MiB or 1000 files/);
      assert.ok(enforced.includes('workspace:walled'));
    });

    test('holds no file more than its limit, where every file is empty', async () => {
      const { exceeded, output } = await run(
        'n=0; while [ $n -lt 5000 ]; do : > f$n; n=$((n+1)); done',
      );
      const made = Number(/cannot create f(\d+)/.exec(output)?.[1]);
      assert.ok(made > 900 && made < 1100, output);
      assert.deepEqual([...exceeded], ['disk']);
    });

    test('ignores what sets a user and devices, and is gone with its file when the job is', async () => {
      const workspace = await createWorkspace(directory, walled);
      assert.match(mounts(), /ext4 rw,nosuid,nodev/);
      assert.deepEqual(readdirSync(workspace.path), []);
      writeFileSync(join(workspace.path, 'file'), 'x');
      await workspace.destroy();
      assert.equal(mounts(), '');
      assert.deepEqual(readdirSync(directory), []);
    });

    test('one that a killed builder left is taken away when it starts again', async () => {
      await createWorkspace(directory, walled);
      assert.notEqual(mounts(), '');
      await prepareWorkDirectory(directory, walled);
      assert.equal(mounts(), '');
      assert.deepEqual(readdirSync(directory), []);
      const loops = globSync('/sys/block/loop*/loop/backing_file')
        .map((file) => readFileSync(file, 'utf8'))
        .join('');
      assert.ok(!loops.includes(directory), loops);
    });

    test('that cannot be had is refused at start with what it needs, and leaves nothing', async () => {
      const impossible = { ...walled, workspaceFiles: 1_000_000_000 };
      await assert.rejects(
        prepareWorkDirectory(directory, impossible),
        /limits\.workspace: no file system can be made for a job: .*mkfs\.ext4[\s\S]*leave it at watched/,
      );
      assert.equal(mounts(), '');
      assert.deepEqual(readdirSync(directory), []);
    });
  },
);
