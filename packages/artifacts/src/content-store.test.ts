import assert from 'node:assert/strict';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type ContentStore, createContentStore } from './content-store.ts';
import { failsWith, from, sha256, storeContract } from './testing/store-contract.ts';

const root = mkdtempSync(join(tmpdir(), 'airlock-artifacts-'));
after(() => {
  rmSync(root, { recursive: true, force: true });
});

function newStore(): { directory: string; store: ContentStore; blob: (digest: string) => string } {
  const directory = join(mkdtempSync(join(root, 'store-')), 'artifacts');
  return {
    directory,
    store: createContentStore(directory),
    blob: (digest) => join(directory, 'blobs/sha256', digest),
  };
}

const maxBytes = 1000;

const kept = (directory: string): string[] =>
  ['blobs/sha256', 'partial'].flatMap((name) => readdirSync(join(directory, name)));

storeContract('directory', () => {
  const { directory, store, blob } = newStore();
  return Promise.resolve({
    store,
    overwrite: (digest, bytes) => {
      writeFileSync(`${directory}.new`, bytes, { mode: 0o444 });
      renameSync(`${directory}.new`, blob(digest));
      return Promise.resolve();
    },
    kept: () => Promise.resolve(kept(directory)),
  });
});

test('the directory is an OCI image layout of read-only blobs', async () => {
  const { store, directory, blob } = newStore();
  const { digest } = await store.put(from('x'), { maxBytes });
  assert.deepEqual(JSON.parse(readFileSync(join(directory, 'oci-layout'), 'utf8')), {
    imageLayoutVersion: '1.0.0',
  });
  // Blobs that no manifest names are allowed (image-spec, image-layout): a promoted file is no image.
  assert.deepEqual(JSON.parse(readFileSync(join(directory, 'index.json'), 'utf8')), {
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.index.v1+json',
    manifests: [],
  });
  assert.equal(statSync(blob(digest)).mode & 0o777, 0o444);
});

const impostors: [claim: string, replace: (file: string) => void][] = [
  [
    'a link to a file of the very same content',
    (file) => {
      renameSync(file, `${file}.real`);
      symlinkSync(`${file}.real`, file);
    },
  ],
  [
    'a folder',
    (file) => {
      rmSync(file);
      mkdirSync(file);
    },
  ],
  [
    'a pipe that nobody writes to',
    (file) => {
      rmSync(file);
      execFileSync('mkfifo', [file]);
    },
  ],
];
for (const [claim, replace] of impostors) {
  test(`${claim} is found at opening, at reading, and when the content is put again`, async () => {
    const { store, blob } = newStore();
    const { digest } = await store.put(from('content'), { maxBytes });
    replace(blob(digest));
    const corrupt = failsWith('artifact-corrupt');
    await assert.rejects(store.openVerified(digest), corrupt);
    await assert.rejects(store.read(digest, maxBytes), corrupt);
    await assert.rejects(store.put(from('content'), { maxBytes }), corrupt);
    await store.remove(digest);
    assert.equal((await store.put(from('content'), { maxBytes })).digest, digest);
  });
}

test('what is no blob is not listed', async () => {
  const { store, blob } = newStore();
  await store.put(from('x'), { maxBytes });
  writeFileSync(blob('notes.txt'), 'left by a person');
  assert.deepEqual(
    (await store.list()).map(({ digest }) => digest),
    [sha256('x')],
  );
});

test('the space of the disk is known', async () => {
  const space = await newStore().store.space();
  assert.ok(space !== null && space.freeBytes > 0 && space.freeBytes <= space.totalBytes);
});

test('a writer that is killed leaves no blob, and its partial file goes after a day', async () => {
  const { store, directory } = newStore();
  const child = spawn(
    process.execPath,
    writerArguments(
      directory,
      "yield Buffer.alloc(3 << 20); console.log('half'); await new Promise((resolve) => setTimeout(resolve, 60_000));",
    ),
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  await new Promise((resolve) => child.stdout.once('data', resolve));
  await sleep(20);
  child.kill('SIGKILL');
  await new Promise((resolve) => child.once('exit', resolve));
  assert.deepEqual(readdirSync(join(directory, 'blobs/sha256')), []);
  const [partial = ''] = readdirSync(join(directory, 'partial'));
  await store.put(from('x'), { maxBytes });
  assert.deepEqual(readdirSync(join(directory, 'partial')), [partial]);
  const longAgo = Date.now() / 1000 - 2 * 24 * 60 * 60;
  utimesSync(join(directory, 'partial', partial), longAgo, longAgo);
  await createContentStore(directory).put(from('y'), { maxBytes });
  assert.deepEqual(readdirSync(join(directory, 'partial')), []);
});

test('beyond the limit of a file nothing is kept, and the refusal says how much was needed', () => {
  const { directory } = newStore();
  // In blocks of 512 bytes: 2 MiB, of the 8 MiB that come.
  const limited = spawnSync(
    '/bin/sh',
    [
      '-c',
      `ulimit -f 4096; exec "$0" "$@"`,
      process.execPath,
      ...writerArguments(
        directory,
        'for (let i = 0; i < 8; i += 1) yield Buffer.alloc(1 << 20, i);',
      ),
    ],
    { encoding: 'utf8' },
  );
  assert.match(limited.stdout, /^artifact-store-full: .*ulimit -f.* at least \d{7} bytes/);
  assert.deepEqual(kept(directory), []);
});

const isRoot = process.getuid?.() === 0;
test(
  'on a full disk nothing is kept, what was kept is still read, and there is room again after',
  { skip: isRoot ? false : 'only root can mount a small disk' },
  async () => {
    const disk = mkdtempSync(join(root, 'disk-'));
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=4m', 'tmpfs', disk]);
    try {
      const store = createContentStore(join(disk, 'artifacts'));
      const before = await store.put(from('kept'), { maxBytes });
      const megabyte = Buffer.alloc(1 << 20, 1);
      const eight = Array.from({ length: 8 }, () => megabyte);
      await assert.rejects(store.put(from(...eight), { maxBytes: 1 << 30 }), (error: unknown) => {
        failsWith('artifact-store-full')(error);
        assert.match(String(error), /the disk is full with an artifact of at least \d{7} bytes/);
        return true;
      });
      assert.deepEqual(kept(join(disk, 'artifacts')), [before.digest]);
      assert.equal((await store.read(before.digest, maxBytes)).toString(), 'kept');
      assert.equal((await store.put(from(megabyte), { maxBytes: 1 << 30 })).size, 1 << 20);
    } finally {
      execFileSync('umount', [disk]);
    }
  },
);

test('a process that only reads needs no right to write', async () => {
  const { store, directory } = newStore();
  const { digest } = await store.put(from('x'), { maxBytes });
  chmodSync(directory, 0o555);
  try {
    assert.equal((await createContentStore(directory).read(digest, maxBytes)).toString(), 'x');
  } finally {
    chmodSync(directory, 0o755);
  }
  const empty = join(root, 'never-made');
  await assert.rejects(
    createContentStore(empty).read(digest, maxBytes),
    failsWith('artifact-missing'),
  );
  assert.equal(existsSync(empty), false);
});

/** Arguments of a Node that puts what `body` yields, and prints how that fails. */
function writerArguments(directory: string, body: string): string[] {
  const module = JSON.stringify(new URL('./content-store.ts', import.meta.url).href);
  const script = `const { createContentStore } = await import(${module});
    async function* source() { ${body} }
    const put = createContentStore(${JSON.stringify(directory)}).put(source(), { maxBytes: 1 << 30 });
    await put.catch((error) => console.log(error.code + ': ' + error.message));`;
  return ['--conditions=source', '--input-type=module', '-e', script];
}
