import type { Masker } from '@airlock/masking/masker';

/**
 * Output of steps that run side by side, line by line, each under the name of its step. Secrets are masked.
 *
 * @param write takes whole lines.
 */
export function createStepOutput(
  names: readonly string[],
  masker: Masker,
  write: (text: string) => void,
): { take(step: string, chunk: Buffer): void; end(): void } {
  const width = Math.max(...names.map((name) => name.length));
  const streams = new Map(
    names.map((name) => [name, { masked: masker.stream(), decoder: new TextDecoder(), rest: '' }]),
  );
  const print = (name: string, text: string): void => {
    const stream = streams.get(name);
    if (stream === undefined) return;
    const lines = `${stream.rest}${text}`.split('\n');
    stream.rest = lines.pop() ?? '';
    if (lines.length === 0) return;
    write(lines.map((line) => `${name.padEnd(width)} | ${line}\n`).join(''));
  };
  return {
    take(name, chunk) {
      const stream = streams.get(name);
      if (stream !== undefined) {
        print(name, stream.decoder.decode(stream.masked.write(chunk), { stream: true }));
      }
    },
    end() {
      for (const [name, { masked, decoder, rest }] of streams) {
        const last = decoder.decode(masked.end());
        print(name, rest === '' && last === '' ? '' : `${last}\n`);
      }
    },
  };
}
