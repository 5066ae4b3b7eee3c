import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import {
  chmodSync,
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
import {
  ArtifactError,
  type ArtifactErrorCode,
  type ContentStore,
  createContentStore,
} from './content-store.ts';

const root = mkdtempSync(join(tmpdir(), 'airlock-artifacts-'));
after(() => {
  rmSync(root, { recursive: true, force: true });
});

const sha256 = (content: string | Buffer): string =>
  createHash('sha256').update(content).digest('hex');

// eslint-disable-next-line @typescript-eslint/require-await -- a source as it comes from a socket
async function* from(...chunks: (string | Buffer)[]): AsyncGenerator<Buffer> {
  for (const chunk of chunks) yield Buffer.from(chunk);
}

function newStore(): { directory: string; store: ContentStore; blob: (digest: string) => string } {
  const directory = join(mkdtempSync(join(root, 'store-')), 'artifacts');
  return {
    directory,
    store: createContentStore(directory),
    blob: (digest) => join(directory, 'blobs/sha256', digest),
  };
}

const failsWith =
  (code: ArtifactErrorCode) =>
  (error: unknown): boolean => {
    assert.ok(error instanceof ArtifactError, String(error));
    assert.equal(error.code, code, error.message);
    return true;
  };

const maxBytes = 1000;

test('what is put is read back under its digest', async () => {
  const { store } = newStore();
  const { digest, size } = await store.put(from('hello ', 'world'), { maxBytes });
  assert.equal(digest, sha256('hello world'));
  assert.equal(size, 11);
  assert.equal(await store.has(digest), true);
  assert.equal((await store.read(digest, maxBytes)).toString(), 'hello world');
});

test('an empty artifact is one too', async () => {
  const { store } = newStore();
  const { digest, size } = await store.put(from(), { maxBytes });
  assert.deepEqual([digest, size], [sha256(''), 0]);
  assert.equal((await store.read(digest, maxBytes)).length, 0);
});

test('the directory is an OCI image layout of read-only blobs', async () => {
  const { store, directory, blob } = newStore();
  const { digest } = await store.put(from('x'), { maxBytes });
  assert.deepEqual(JSON.parse(readFileSync(join(directory, 'oci-layout'), 'utf8')), {
    imageLayoutVersion: '1.0.0',
  });
  assert.deepEqual(JSON.parse(readFileSync(join(directory, 'index.json'), 'utf8')), {
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.index.v1+json',
    manifests: [],
  });
  assert.equal(statSync(blob(digest)).mode & 0o777, 0o444);
});

test('a verified handle stands at the first byte', async () => {
  const { store } = newStore();
  const content = randomBytes(3 * 1024 * 1024 + 17);
  const { digest } = await store.put(from(content), { maxBytes: content.length });
  const { handle, size } = await store.openVerified(digest);
  try {
    assert.equal(size, content.length);
    assert.equal(sha256(await handle.readFile()), digest);
  } finally {
    await handle.close();
  }
});

test('what is read is the file that was verified, also when the name leads to another one since', async () => {
  const { store, blob } = newStore();
  const { digest } = await store.put(from('good'), { maxBytes });
  const { handle } = await store.openVerified(digest);
  try {
    writeFileSync(join(root, 'evil'), 'evil');
    renameSync(join(root, 'evil'), blob(digest));
    assert.equal((await handle.readFile()).toString(), 'good');
  } finally {
    await handle.close();
  }
});

const nothingKept = (directory: string): void => {
  assert.deepEqual(readdirSync(join(directory, 'blobs/sha256')), []);
  assert.deepEqual(readdirSync(join(directory, 'partial')), []);
};

test('a source that is not what was expected is not kept', async () => {
  const { store, directory } = newStore();
  await assert.rejects(
    store.put(from('other'), { maxBytes, expected: sha256('expected') }),
    failsWith('artifact-digest-mismatch'),
  );
  nothingKept(directory);
});

test('a source of exactly the allowed length is kept, one byte more is not', async () => {
  const { store, directory } = newStore();
  await assert.rejects(
    store.put(from('12345', '6'), { maxBytes: 5 }),
    failsWith('artifact-too-large'),
  );
  nothingKept(directory);
  assert.equal((await store.put(from('12345'), { maxBytes: 5 })).size, 5);
});

test('an endless source is left at the first byte too many', async () => {
  const { store, directory } = newStore();
  let given = 0;
  // eslint-disable-next-line @typescript-eslint/require-await -- a source as it comes from a socket
  async function* endless(): AsyncGenerator<Buffer> {
    for (;;) {
      given += 1;
      yield Buffer.alloc(100);
    }
  }
  await assert.rejects(store.put(endless(), { maxBytes }), failsWith('artifact-too-large'));
  assert.equal(given, 11);
  nothingKept(directory);
});

test('a source that breaks off leaves nothing', async () => {
  const { store, directory } = newStore();
  // eslint-disable-next-line @typescript-eslint/require-await -- a source as it comes from a socket
  async function* broken(): AsyncGenerator<Buffer> {
    yield Buffer.from('half');
    throw new Error('connection reset');
  }
  await assert.rejects(store.put(broken(), { maxBytes }), /connection reset/);
  nothingKept(directory);
});

test('putting the same content at once and again keeps it once', async () => {
  const { store, directory } = newStore();
  const results = await Promise.all([1, 2, 3, 4].map(() => store.put(from('same'), { maxBytes })));
  await store.put(from('same'), { maxBytes });
  assert.deepEqual(new Set(results.map(({ digest }) => digest)), new Set([sha256('same')]));
  assert.deepEqual(readdirSync(join(directory, 'blobs/sha256')), [sha256('same')]);
  assert.deepEqual(readdirSync(join(directory, 'partial')), []);
});

const damages: [claim: string, damage: (file: string) => void][] = [
  [
    'a flipped bit',
    (file) => {
      const content = readFileSync(file);
      content.writeUInt8(content.readUInt8(2) ^ 1, 2);
      writeFileSync(file, content);
    },
  ],
  [
    'a file cut short',
    (file) => {
      writeFileSync(file, readFileSync(file).subarray(0, 3));
    },
  ],
  [
    'a byte too many',
    (file) => {
      writeFileSync(file, 'x', { flag: 'a' });
    },
  ],
  [
    'an emptied file',
    (file) => {
      writeFileSync(file, '');
    },
  ],
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
];
for (const [claim, damage] of damages) {
  test(`${claim} is found at opening, at reading, and when the content is put again`, async () => {
    const { store, blob } = newStore();
    const { digest } = await store.put(from('content'), { maxBytes });
    chmodSync(blob(digest), 0o644);
    damage(blob(digest));
    const corrupt = failsWith('artifact-corrupt');
    await assert.rejects(store.openVerified(digest), corrupt);
    await assert.rejects(store.read(digest, maxBytes), corrupt);
    await assert.rejects(store.put(from('content'), { maxBytes }), corrupt);
  });
}

test('what is not there is missing, and not corrupt', async () => {
  const { store } = newStore();
  assert.equal(await store.has(sha256('x')), false);
  await assert.rejects(store.openVerified(sha256('x')), failsWith('artifact-missing'));
  await assert.rejects(store.read(sha256('x'), maxBytes), failsWith('artifact-missing'));
});

test('a digest that is not one never becomes a path', async () => {
  const { store } = newStore();
  for (const digest of ['../../../etc/passwd', '', sha256('x').toUpperCase(), `${sha256('x')}\n`]) {
    const malformed = failsWith('artifact-digest-malformed');
    await assert.rejects(store.has(digest), malformed);
    await assert.rejects(store.read(digest, maxBytes), malformed);
    await assert.rejects(store.openVerified(digest), malformed);
    await assert.rejects(store.put(from('x'), { maxBytes, expected: digest }), malformed);
  }
});

test('reading more than is allowed is refused', async () => {
  const { store } = newStore();
  const { digest } = await store.put(from('123456'), { maxBytes });
  await assert.rejects(store.read(digest, 5), failsWith('artifact-too-large'));
});

test('a writer that is killed leaves no blob, and its partial file goes after a day', async () => {
  const { store, directory } = newStore();
  const script = `const { createContentStore } = await import(${JSON.stringify(new URL('./content-store.ts', import.meta.url).href)});
    async function* slow() { yield Buffer.from('half'); console.log('half'); await new Promise((resolve) => setTimeout(resolve, 60_000)); }
    await createContentStore(${JSON.stringify(directory)}).put(slow(), { maxBytes: 100 });`;
  const child = spawn(
    process.execPath,
    ['--conditions=source', '--input-type=module', '-e', script],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
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
