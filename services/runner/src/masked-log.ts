import type { MaskedStream, Masker } from '@airlock/masking/masker';
import type { LogStream } from './log-stream.ts';

/** The log without what the masker knows. What may be the beginning of a secret waits for what follows, or for the end. */
export function maskedLog(log: LogStream, masker: Masker): LogStream {
  const streams = new Map<string, MaskedStream>();
  return {
    async write(step, bytes) {
      const stream = streams.get(step) ?? masker.stream();
      streams.set(step, stream);
      const masked = stream.write(bytes);
      if (masked.length > 0) await log.write(step, masked);
    },
    async end() {
      for (const [step, stream] of streams) {
        const rest = stream.end();
        if (rest.length > 0) await log.write(step, rest);
      }
      await log.end();
    },
  };
}
