/** Bytes that wait, in blocks that are used again: a flood of output leaves nothing behind for the garbage collector. */

const blockBytes = 64 * 1024;
/** Free blocks that are kept; what a flood needed beyond that is given back. */
const maxFree = 48;

export type ByteQueue = {
  readonly length: number;
  /** Copies them: whose they are may use them again at once. */
  push(bytes: Uint8Array): void;
  /** The first bytes, at most so many, without taking them out; they stay as they are until they are dropped. */
  front(maxBytes: number): Buffer[];
  /** Takes out the first `count` bytes, of which there are so many. */
  drop(count: number): void;
};

/** Makes queues that share their free blocks. */
export function createByteQueues(): () => ByteQueue {
  const free: Buffer[] = [];
  return () => {
    const blocks: Buffer[] = [];
    /** Within the first block. */
    let begin = 0;
    let length = 0;
    return {
      get length() {
        return length;
      },
      push(bytes) {
        for (let at = 0; at < bytes.length;) {
          const end = begin + length;
          let block = blocks[Math.floor(end / blockBytes)];
          if (block === undefined) {
            block = free.pop() ?? Buffer.allocUnsafeSlow(blockBytes);
            blocks.push(block);
          }
          const to = end % blockBytes;
          const part = bytes.subarray(at, at + blockBytes - to);
          block.set(part, to);
          at += part.length;
          length += part.length;
        }
      },
      front(maxBytes) {
        const end = begin + Math.min(length, maxBytes);
        return blocks
          .slice(0, Math.ceil(end / blockBytes))
          .map((block, index) =>
            block.subarray(index === 0 ? begin : 0, Math.min(blockBytes, end - index * blockBytes)),
          );
      },
      drop(count) {
        begin += count;
        length -= count;
        const done = length === 0 ? blocks.length : Math.floor(begin / blockBytes);
        begin = length === 0 ? 0 : begin % blockBytes;
        for (const block of blocks.splice(0, done)) if (free.length < maxFree) free.push(block);
      },
    };
  };
}
