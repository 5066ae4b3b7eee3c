/** What every driver of the artifact store promises, as tests. A driver's own test file calls this with the real thing. */
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { test } from 'node:test';
import type { ContentStore } from '../content-store.ts';
import { ArtifactError, type ArtifactErrorCode } from '../spool.ts';

export type ContractStore = {
  readonly store: ContentStore;
  /** Puts other bytes where the blob of that digest is kept, as somebody with access to disk or bucket could. */
  readonly overwrite: (digest: string, bytes: Buffer) => Promise<void>;
  /** Names of everything that is kept, also half-written. */
  readonly kept: () => Promise<readonly string[]>;
};

export const sha256 = (content: string | Buffer): string =>
  createHash('sha256').update(content).digest('hex');

/** A source as it comes from a socket. */
// eslint-disable-next-line @typescript-eslint/require-await -- it is the type that has to be asynchronous
export async function* from(...chunks: (string | Buffer)[]): AsyncGenerator<Buffer> {
  for (const chunk of chunks) yield Buffer.from(chunk);
}

export const failsWith =
  (code: ArtifactErrorCode) =>
  (error: unknown): boolean => {
    assert.ok(error instanceof ArtifactError, String(error));
    assert.equal(error.code, code, error.message);
    return true;
  };

const maxBytes = 1000;
const block = 64 * 1024;

/** @param fresh makes an empty store. @param skip why the driver cannot be tested here; then every test says so. */
export function storeContract(
  driver: string,
  fresh: () => Promise<ContractStore>,
  skip: string | false = false,
): void {
  const claim = (what: string, body: (given: ContractStore) => Promise<void>): void => {
    void test(`${driver}: ${what}`, { skip }, async () => body(await fresh()));
  };

  claim('what is put is read back under its digest', async ({ store }) => {
    const { digest, size } = await store.put(from('hello ', 'world'), { maxBytes });
    assert.equal(digest, sha256('hello world'));
    assert.equal(size, 11);
    assert.equal(await store.has(digest), true);
    assert.equal((await store.read(digest, maxBytes)).toString(), 'hello world');
  });

  claim('an empty artifact is one too', async ({ store }) => {
    const { digest, size } = await store.put(from(), { maxBytes });
    assert.deepEqual([digest, size], [sha256(''), 0]);
    assert.equal((await store.read(digest, maxBytes)).length, 0);
  });

  claim('chunks of any length come to the same content', async ({ store }) => {
    const content = randomBytes(3 * 1024 * 1024 + 17);
    for (const length of [70_001, 1 << 20, content.length]) {
      const chunks: Buffer[] = [];
      for (let at = 0; at < content.length; at += length) {
        chunks.push(content.subarray(at, at + length));
      }
      const { digest } = await store.put(from(...chunks), { maxBytes: content.length });
      assert.equal(digest, sha256(content));
      assert.ok(content.equals(await store.read(digest, content.length)));
    }
  });

  claim('a verified handle stands at the first byte', async ({ store }) => {
    const content = randomBytes(2 * 1024 * 1024 + 17);
    const { digest } = await store.put(from(content), { maxBytes: content.length });
    const { handle, size } = await store.openVerified(digest);
    try {
      assert.equal(size, content.length);
      assert.equal(sha256(await handle.readFile()), digest);
    } finally {
      await handle.close();
    }
  });

  claim('a verified handle keeps its content, whatever the name leads to since', async (given) => {
    const { digest } = await given.store.put(from('good'), { maxBytes });
    const { handle } = await given.store.openVerified(digest);
    try {
      await given.overwrite(digest, Buffer.from('evil'));
      assert.equal((await handle.readFile()).toString(), 'good');
    } finally {
      await handle.close();
    }
  });

  claim('a source that is not what was expected is not kept', async ({ store, kept }) => {
    await assert.rejects(
      store.put(from('other'), { maxBytes, expected: sha256('expected') }),
      failsWith('artifact-digest-mismatch'),
    );
    assert.deepEqual(await kept(), []);
  });

  claim('exactly the allowed length is kept, one byte more is not', async ({ store, kept }) => {
    await assert.rejects(
      store.put(from('12345', '6'), { maxBytes: 5 }),
      failsWith('artifact-too-large'),
    );
    assert.deepEqual(await kept(), []);
    assert.equal((await store.put(from('12345'), { maxBytes: 5 })).size, 5);
  });

  claim('an endless source is left at the first byte too many', async ({ store, kept }) => {
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
    assert.deepEqual(await kept(), []);
  });

  claim('a source that breaks off after any 64 KiB leaves nothing', async ({ store, kept }) => {
    for (let blocks = 0; blocks <= 20; blocks += 1) {
      // eslint-disable-next-line @typescript-eslint/require-await -- a source as it comes from a socket
      const broken = async function* (): AsyncGenerator<Buffer> {
        for (let made = 0; made < blocks; made += 1) yield Buffer.alloc(block, made);
        throw new Error('connection reset');
      };
      await assert.rejects(store.put(broken(), { maxBytes: 1 << 30 }), /connection reset/);
    }
    assert.deepEqual(await kept(), []);
  });

  claim('the same content at once and again is kept once', async ({ store, kept }) => {
    const puts = [1, 2, 3, 4].map(() => store.put(from('same'), { maxBytes }));
    const results = await Promise.all(puts);
    await store.put(from('same'), { maxBytes });
    assert.deepEqual(new Set(results.map(({ digest }) => digest)), new Set([sha256('same')]));
    assert.deepEqual(await kept(), [sha256('same')]);
  });

  claim('what was altered since is never read, and is told from what is missing', async (given) => {
    const { store, overwrite } = given;
    const content = randomBytes(5 * block + 100);
    const { digest } = await store.put(from(content), { maxBytes: content.length });
    const damaged: Buffer[] = [Buffer.alloc(0), Buffer.concat([content, Buffer.from('x')])];
    for (let cut = block; cut < content.length; cut += block)
      damaged.push(content.subarray(0, cut));
    for (let flip = 0; flip < 5; flip += 1) {
      const copy = Buffer.from(content);
      const at = Math.floor((flip / 5) * content.length);
      copy.writeUInt8(copy.readUInt8(at) ^ (1 << flip), at);
      damaged.push(copy);
    }
    for (const bytes of damaged) {
      await overwrite(digest, bytes);
      const corrupt = failsWith('artifact-corrupt');
      await assert.rejects(store.openVerified(digest), corrupt);
      await assert.rejects(store.read(digest, 1 << 20), corrupt);
      await assert.rejects(store.put(from(content), { maxBytes: content.length }), corrupt);
    }
    await assert.rejects(
      store.read(digest, 1 << 20),
      /remove that blob and fetch the artifact again/,
    );
    await store.remove(digest);
    await store.put(from(content), { maxBytes: content.length });
    assert.ok(content.equals(await store.read(digest, content.length)), 'restored');
  });

  claim('what is not there is missing, and not corrupt', async ({ store }) => {
    assert.equal(await store.has(sha256('x')), false);
    await assert.rejects(store.openVerified(sha256('x')), failsWith('artifact-missing'));
    await assert.rejects(store.read(sha256('x'), maxBytes), failsWith('artifact-missing'));
  });

  claim('a digest that is not one becomes no path and no address', async ({ store }) => {
    const malformed = failsWith('artifact-digest-malformed');
    for (const digest of ['../../etc/passwd', '', sha256('x').toUpperCase(), `${sha256('x')}\n`]) {
      await assert.rejects(store.has(digest), malformed);
      await assert.rejects(store.read(digest, maxBytes), malformed);
      await assert.rejects(store.openVerified(digest), malformed);
      await assert.rejects(store.remove(digest), malformed);
      await assert.rejects(store.put(from('x'), { maxBytes, expected: digest }), malformed);
    }
  });

  claim('reading more than is allowed is refused', async ({ store }) => {
    const { digest } = await store.put(from('123456'), { maxBytes });
    await assert.rejects(store.read(digest, 5), failsWith('artifact-too-large'));
  });

  claim('all that is kept is listed, and gone once removed', async ({ store, kept }) => {
    assert.deepEqual(await store.list(), []);
    const before = Date.now() - 5_000;
    const { digest } = await store.put(from('listed'), { maxBytes });
    const other = await store.put(from('other'), { maxBytes });
    const listed = (await store.list()).toSorted((one, two) => one.size - two.size);
    assert.deepEqual(
      listed.map((blob) => [blob.digest, blob.size]),
      [
        [other.digest, 5],
        [digest, 6],
      ],
    );
    for (const { storedAt } of listed) assert.ok(storedAt.getTime() > before, String(storedAt));
    await store.remove(digest);
    await store.remove(digest);
    assert.equal(await store.has(digest), false);
    assert.deepEqual(await kept(), [other.digest]);
  });
}
