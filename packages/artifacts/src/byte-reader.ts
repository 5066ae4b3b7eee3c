/** Reads a stream of chunks of any size as a stream of bytes. */
export type ByteReader = {
  /** The next `count` bytes, which stay where they are; fewer only where the stream ends before. */
  peek(count: number): Promise<Buffer>;
  /** The next `count` bytes; fewer only where the stream ends before. For small counts: they are put together in memory. */
  read(count: number): Promise<Buffer>;
  /** The next bytes as they come, at most `most` (above 0) of them; null at the end of the stream. */
  take(most: number): Promise<Buffer | null>;
  /** Lets go of the source before its end. Safe to repeat. */
  close(): Promise<void>;
};

export function createByteReader(source: AsyncIterable<Uint8Array>): ByteReader {
  const iterator = source[Symbol.asyncIterator]();
  let held: Buffer = Buffer.alloc(0);
  let ended = false;

  async function next(): Promise<Buffer | null> {
    while (!ended) {
      const result = await iterator.next();
      if (result.done === true) ended = true;
      else if (result.value.length > 0) return asBuffer(result.value);
    }
    return null;
  }

  async function hold(count: number): Promise<void> {
    if (held.length >= count) return;
    const chunks = [held];
    for (let length = held.length; length < count;) {
      const chunk = await next();
      if (chunk === null) break;
      chunks.push(chunk);
      length += chunk.length;
    }
    held = Buffer.concat(chunks);
  }

  return {
    async peek(count) {
      await hold(count);
      return held.subarray(0, count);
    },
    async read(count) {
      await hold(count);
      const bytes = held.subarray(0, count);
      held = held.subarray(bytes.length);
      return bytes;
    },
    async take(most) {
      if (held.length === 0) held = (await next()) ?? held;
      if (held.length === 0) return null;
      const bytes = held.subarray(0, most);
      held = held.subarray(bytes.length);
      return bytes;
    },
    async close() {
      ended = true;
      held = Buffer.alloc(0);
      await iterator.return?.();
    },
  };
}

const asBuffer = (bytes: Uint8Array): Buffer =>
  Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
