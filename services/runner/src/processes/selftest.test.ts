/**
 * The self-test as the first process of a container, and in podman as an ordinary user. Root makes that user for one command
 * alone, in namespaces of its own: this machine's accounts stay as they are, and what the command leaves running ends with it.
 */
import assert from 'node:assert/strict';
import { spawnSync, type SpawnSyncReturns } from 'node:child_process';
import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { findProgram, requireProgram, runsAsRoot } from '@airlock/sandbox/host';

const missing = ['podman', 'newuidmap'].filter((name) => findProgram(name) === null);
if (missing.length > 0 && process.env['CI'] === 'true') {
  assert.fail(`${missing.join(' and ')} missing: apt-get install -y podman runc uidmap`);
}
const skip = !runsAsRoot()
  ? 'NOT TESTED: only root makes a user for it'
  : missing.length > 0 && `NOT TESTED: ${missing.join(' and ')} missing`;

const root = join(import.meta.dirname, '../../../..');
const uid = 29_901;
const range = 'builder:1879048192:65536\n';

/** Positional: the directory of the user, the root of these sources, the Node to run, what to hide of this machine's programs. */
const script = `
set -e
for file in passwd group subuid subgid; do mount --bind "$1/$file" "/etc/$file"; done
mount --bind "$2" "$1/sources"
mount --bind "$3" "$1/node"
if [ -n "$4" ]; then mount --bind /dev/null "$4"; fi
exec setpriv --reuid=${uid} --regid=${uid} --clear-groups --inh-caps=-all \\
  env -i PATH=/usr/bin:/bin:/usr/sbin:/sbin HOME="$1/home" XDG_RUNTIME_DIR="$1/run" \\
  "$1/node" --conditions=source --import "$1/sources/scripts/tsx-hooks.mjs" \\
  "$1/sources/services/runner/src/processes/airlock-runner.ts" selftest --mode podman --json
`;

test(
  'a runner that is the first process of a container finds in bubblewrap what any other finds',
  { skip: runsAsRoot() ? false : 'NOT TESTED: only root starts a process as the first' },
  () => {
    const command = [
      ...[process.execPath, '--conditions=source', '--import'],
      ...[join(root, 'scripts/tsx-hooks.mjs'), join(import.meta.dirname, 'airlock-runner.ts')],
      'selftest',
    ];
    const { status, stdout, stderr } = spawnSync(
      requireProgram('unshare', 'util-linux'),
      ['--pid', '--fork', '--kill-child', '--mount-proc', ...command],
      { encoding: 'utf8' },
    );
    assert.equal(status, 0, stdout + stderr);
  },
);

describe('podman as an ordinary user', { skip }, () => {
  const made: string[] = [];
  after(() => {
    for (const directory of made) rmSync(directory, { recursive: true, force: true });
  });

  function selfTest(lines: string, hidden = ''): SpawnSyncReturns<string> {
    const directory = mkdtempSync(join(tmpdir(), 'airlock-rootless-'));
    made.push(directory);
    chmodSync(directory, 0o755);
    for (const name of ['home', 'run']) {
      mkdirSync(join(directory, name), { mode: 0o700 });
      chownSync(join(directory, name), uid, uid);
    }
    mkdirSync(join(directory, 'sources'));
    const files = {
      passwd: `root:x:0:0::/root:/bin/sh\nbuilder:x:${uid}:${uid}::${directory}/home:/bin/sh\n`,
      group: `root:x:0:\nbuilder:x:${uid}:\n`,
      ...{ subuid: lines, subgid: lines, node: '' },
    };
    for (const [name, content] of Object.entries(files))
      writeFileSync(join(directory, name), content);
    return spawnSync(
      requireProgram('unshare', 'util-linux'),
      [
        ...['--mount', '--pid', '--fork', '--kill-child', '--mount-proc', '/bin/sh', '-c', script],
        ...['sh', directory, root, process.execPath, hidden],
      ],
      { encoding: 'utf8' },
    );
  }

  test('the self-test holds for an ordinary user who has a line in /etc/subuid', () => {
    const { status, stdout, stderr } = selfTest(range);
    const found = JSON.parse(stdout || '{}') as Record<string, unknown>;
    assert.deepEqual(
      [status, found['mode'], found['holds']],
      [0, 'podman', true],
      JSON.stringify(found['differences'] ?? stderr),
    );
  });

  test('without its line an ordinary user is told which, and how root adds it', () => {
    const { status, stderr } = selfTest('');
    assert.equal(status, 1);
    assert.match(stderr, /no ids to give to containers of uid 29901.*usermod --add-subuids/);
  });

  test('without the program that gives ids away its package is named', () => {
    const { status, stderr } = selfTest(range, findProgram('newuidmap') ?? '');
    assert.equal(status, 1);
    assert.match(stderr, /newuidmap is not installed.*apt-get install -y uidmap/);
  });
});
