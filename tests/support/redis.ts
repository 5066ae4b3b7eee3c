/** What a Redis holds, read over its own protocol (RESP2). */
import { once } from 'node:events';
import { connect } from 'node:net';

export type RedisClient = {
  /** @throws Error with the server's own words when it refuses. */
  ask(...command: readonly string[]): Promise<unknown>;
  end(): void;
};

export async function connectRedis(url: string): Promise<RedisClient> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  await once(socket, 'connect');
  let received = Buffer.alloc(0);
  return {
    async ask(...command) {
      const parts = command.map((part) => `$${Buffer.byteLength(part)}\r\n${part}\r\n`);
      socket.write(`*${command.length}\r\n${parts.join('')}`);
      for (;;) {
        const reply = replyIn(received, 0);
        if (reply !== null) {
          received = received.subarray(reply.end);
          if (reply.value instanceof Error) throw reply.value;
          return reply.value;
        }
        const [chunk] = (await once(socket, 'data')) as [Buffer];
        received = Buffer.concat([received, chunk]);
      }
    },
    end: () => socket.destroy(),
  };
}

type Reply = { readonly value: unknown; readonly end: number };

/** Null when it has not come whole. */
function replyIn(bytes: Buffer, start: number): Reply | null {
  const lineEnd = bytes.indexOf('\r\n', start);
  if (lineEnd === -1) return null;
  const line = bytes.toString('utf8', start + 1, lineEnd);
  const end = lineEnd + 2;
  switch (String.fromCharCode(bytes[start] ?? 0)) {
    case '+':
      return { value: line, end };
    case ':':
      return { value: Number(line), end };
    case '-':
      return { value: new Error(line), end };
    case '$': {
      const length = Number(line);
      if (length < 0) return { value: null, end };
      if (bytes.length < end + length + 2) return null;
      return { value: bytes.toString('latin1', end, end + length), end: end + length + 2 };
    }
    case '*': {
      const values: unknown[] = [];
      let at = end;
      for (let left = Number(line); left > 0; left -= 1) {
        const reply = replyIn(bytes, at);
        if (reply === null) return null;
        values.push(reply.value);
        at = reply.end;
      }
      return { value: values, end: at };
    }
    default:
      throw new Error(`no reply of Redis: ${line.slice(0, 40)}`);
  }
}
