/** The demo's lines on the terminal: what starts, where, how long it took. */

export interface Progress {
  /** Runs `work` under a line; the line ends with the time it took, or with a cross when `work` throws. */
  step<T>(text: string, work: () => Promise<T>, done?: (result: T) => string): Promise<T>;
  say(text: string): void;
}

const seconds = (since: number): string => `${((performance.now() - since) / 1000).toFixed(1)} s`;

/** @param out where lines go: stderr when stdout carries JSON. */
export function createProgress(out: NodeJS.WritableStream): Progress {
  const live = 'isTTY' in out && out.isTTY === true && process.env['NO_COLOR'] === undefined;
  return {
    async step(text, work, done) {
      const started = performance.now();
      if (live) out.write(`  … ${text}`);
      const end = (mark: string, line: string): void => {
        out.write(`${live ? '\r\u001B[2K' : ''}  ${mark} ${line.padEnd(72)} ${seconds(started)}\n`);
      };
      try {
        const result = await work();
        end('✓', done?.(result) ?? text);
        return result;
      } catch (error) {
        end('✗', text);
        throw error;
      }
    },
    say(text) {
      out.write(`${text}\n`);
    },
  };
}
