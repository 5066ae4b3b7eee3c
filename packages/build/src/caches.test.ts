import assert from 'node:assert/strict';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { planStep } from '@airlock/common/testing/plans';
import { probeSandbox } from '@airlock/sandbox/probe';
import type { CacheStore } from './caches.ts';
import { noSecrets } from './environment.ts';
import { bubblewrapIsolation } from './isolation/bubblewrap.ts';
import { runBuild } from './run-build.ts';
import { createWorkspace } from './workspace.ts';

const probe = await probeSandbox();
const skip = probe.available ? false : `${probe.reason}; ${probe.remedy}`;
if (skip !== false && process.env['CI'] === 'true') assert.fail(skip);

const directory = join(process.cwd(), '.test');
let root: string;
before(() => {
  mkdirSync(directory, { recursive: true });
  root = mkdtempSync(join(directory, 'caches-'));
});
after(() => {
  rmSync(root, { recursive: true });
});

/** Keeps everything, as one level would. */
function memory() {
  const kept = new Map<string, { file: string; digest: string }>();
  const store: CacheStore = {
    fetch(key, to) {
      const found = kept.get(key);
      if (found === undefined) return Promise.resolve(null);
      copyFileSync(found.file, to);
      return Promise.resolve({ run: 12, level: 3, digest: found.digest });
    },
    keep({ key, file, digest }) {
      const copy = join(root, `kept-${kept.size}`);
      copyFileSync(file, copy);
      kept.set(key, { file: copy, digest });
      return Promise.resolve({ why: null });
    },
  };
  return { kept, store };
}

async function run(
  commands: string[],
  store: CacheStore | null,
  given: { files?: string[]; maxBytes?: number } = {},
): Promise<{ outcome: string; log: string }> {
  const workspace = await createWorkspace(root);
  let log = '';
  try {
    const { outcome } = await runBuild({
      ...{
        isolation: bubblewrapIsolation({ nodeBinary: null }),
        workspace,
        source: null,
        directory: null,
      },
      ...{ commit: 'a'.repeat(40), services: [], secretsOf: noSecrets, timeoutSeconds: 30 },
      steps: [
        planStep('lock', { image: 'image', commands: ['echo one > lock'] }),
        planStep('only', {
          ...{ image: 'image', commands, dependsOn: ['lock'] },
          caches: [{ path: 'deps/all', key: 'npm', files: given.files ?? ['lock'] }],
        }),
      ],
      artifact: null,
      caches: store === null ? null : { store, maxBytes: given.maxBytes ?? 1_000_000 },
      signal: new AbortController().signal,
      cancelled: new AbortController().signal,
      now: () => new Date(),
      onOutput: (_, chunk) => {
        log += chunk.toString();
      },
    });
    return { outcome, log };
  } finally {
    await workspace.destroy();
  }
}

const fill = ['mkdir -p deps/all && echo full > deps/all/x && ln -s x deps/all/link'];

test('what a step kept is there in the next run, and the log says whence', { skip }, async () => {
  const { store, kept } = memory();
  const first = await run(fill, store);
  assert.match(first.log, /cache deps\/all: none yet for this key\n/);
  assert.match(first.log, /cache deps\/all: written, \d+ bytes\n/);
  const second = await run(['test "$(cat deps/all/link)" = full'], store);
  assert.equal(second.outcome, 'passed');
  assert.match(second.log, /cache deps\/all: restored from build #12 \(level 3\)\n/);
  assert.equal(kept.size, 1);
});

test('other content of a file of the key is another key', { skip }, async () => {
  const { store, kept } = memory();
  await run(fill, store);
  await run(fill, store, { files: [] });
  assert.equal(kept.size, 2);
});

test('a step that failed keeps nothing, nor one whose files are too large', { skip }, async () => {
  const { store, kept } = memory();
  const failed = await run([...fill, 'exit 3'], store);
  assert.equal(failed.outcome, 'failed');
  const large = await run([...fill, 'head -c 2000000 /dev/zero > deps/all/big'], store);
  assert.equal(large.outcome, 'passed');
  assert.match(large.log, /not written: it has more than 1000000 bytes/);
  assert.equal(kept.size, 0);
});

test(
  'a link out of the workspace, a pipe and a link in its place are not kept',
  { skip },
  async () => {
    const { store, kept } = memory();
    const out = await run([...fill, 'ln -s /etc/passwd deps/all/out'], store);
    assert.match(out.log, /not written: a link leads to \/etc\/passwd, out of the workspace/);
    const pipe = await run([...fill, 'mkfifo deps/all/pipe'], store);
    assert.match(pipe.log, /not written: deps\/all\/pipe is no file, directory or link/);
    const link = await run(['mkdir -p deps && ln -s /usr deps/all'], store);
    assert.match(link.log, /not written: it is no directory/);
    assert.deepEqual(
      [out.outcome, pipe.outcome, link.outcome, kept.size],
      ['passed', 'passed', 'passed', 0],
    );
  },
);

test('without a store, as a rebuilder builds, every step begins without', { skip }, async () => {
  const { log, outcome } = await run(['test ! -e deps'], null);
  assert.equal(outcome, 'passed');
  assert.match(log, /cache deps\/all: none here, made anew/);
});
