import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { chmod, mkdtemp, readdir, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { test, type TestContext } from 'node:test';
import { createContentStore, type ContentStore } from './content-store.ts';

const bytes = Buffer.from('artifact bytes');
const digest = createHash('sha256').update(bytes).digest('hex');

async function freshStore(
  t: TestContext,
): Promise<{ store: ContentStore; directory: string; blob: string }> {
  const directory = await mkdtemp(join(tmpdir(), 'airlock-store-'));
  t.after(() => rm(directory, { recursive: true, force: true }));
  return {
    store: createContentStore(directory),
    directory,
    blob: join(directory, 'blobs/sha256', digest),
  };
}

const source = (): Readable => Readable.from([bytes.subarray(0, 5), bytes.subarray(5)]);

test('what is put is found by its digest and read back whole', async (t) => {
  const { store } = await freshStore(t);
  assert.deepEqual(await store.put(source(), { maxBytes: 100, expected: digest }), {
    digest,
    size: bytes.length,
  });
  assert.equal(await store.has(digest), true);
  assert.deepEqual(await store.read(digest, 100), bytes);
});

test('putting the same bytes twice keeps one file', async (t) => {
  const { store, directory } = await freshStore(t);
  await Promise.all([
    store.put(source(), { maxBytes: 100 }),
    store.put(source(), { maxBytes: 100 }),
  ]);
  assert.deepEqual(await readdir(join(directory, 'blobs/sha256')), [digest]);
  assert.deepEqual(await readdir(join(directory, 'tmp')), []);
});

test('other bytes than expected, and more bytes than allowed, leave nothing behind', async (t) => {
  const { store, directory } = await freshStore(t);
  await assert.rejects(store.put(source(), { maxBytes: 100, expected: '0'.repeat(64) }), {
    code: 'artifact-digest-mismatch',
  });
  await assert.rejects(store.put(source(), { maxBytes: bytes.length - 1 }), {
    code: 'artifact-too-large',
  });
  assert.deepEqual(await readdir(join(directory, 'blobs/sha256')), []);
  assert.deepEqual(await readdir(join(directory, 'tmp')), []);
});

test('a source that breaks off leaves nothing behind', async (t) => {
  const { store, directory } = await freshStore(t);
  async function* broken(): AsyncGenerator<Buffer> {
    yield bytes;
    await Promise.resolve();
    throw new Error('connection lost');
  }
  await assert.rejects(store.put(broken(), { maxBytes: 100 }), /connection lost/);
  assert.deepEqual(await readdir(join(directory, 'tmp')), []);
});

test('a flipped bit, a truncated file and a link in its place are refused when it is opened', async (t) => {
  for (const damage of [
    (blob: string) => writeFile(blob, Buffer.from('artifact bytez')),
    (blob: string) => truncate(blob, 3),
    async (blob: string) => {
      await writeFile(`${blob}.elsewhere`, bytes);
      await rm(blob);
      await symlink(`${blob}.elsewhere`, blob);
    },
  ]) {
    const { store, blob } = await freshStore(t);
    await store.put(source(), { maxBytes: 100 });
    await chmod(blob, 0o644);
    await damage(blob);
    await assert.rejects(store.openVerified(digest), { code: /artifact-(corrupt|missing)/ });
  }
});

test('the descriptor that was hashed still gives those bytes after the name points elsewhere', async (t) => {
  const { store, blob } = await freshStore(t);
  await store.put(source(), { maxBytes: 100 });
  const { handle, size } = await store.openVerified(digest);
  await rm(blob);
  await writeFile(blob, 'something else entirely');
  const { buffer } = await handle.read(Buffer.alloc(size), 0, size, 0);
  await handle.close();
  assert.deepEqual(buffer, bytes);
});

test('a digest that is no digest is missing, whatever path it spells', async (t) => {
  const { store } = await freshStore(t);
  await assert.rejects(store.has('../../etc/passwd'), { code: 'artifact-missing' });
});
