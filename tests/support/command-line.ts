/** `airlock` in a directory where the demo's context says where the pair is. Without the launcher, which would install what is missing. */
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Pair } from '@airlock/demo/pair';
import { root } from '@airlock/demo/names';

const node = [
  '--conditions=source',
  '--import',
  join(root, 'scripts/tsx-hooks.mjs'),
  '--disable-warning=ExperimentalWarning',
  join(root, 'packages/cli/src/main.ts'),
];

export interface CommandLine {
  airlock(...args: string[]): Promise<{ readonly status: number | null; readonly text: string }>;
  /** The same, telling of what it prints as it comes. */
  watched(
    onText: (text: string) => void,
    ...args: string[]
  ): Promise<{ readonly status: number | null; readonly text: string }>;
  /** The directory is gone after it. */
  dispose(): void;
}

export function commandLine(pair: Pair): CommandLine {
  const directory = mkdtempSync(join(tmpdir(), 'airlock-command-'));
  mkdirSync(join(directory, '.demo'));
  writeFileSync(
    join(directory, '.demo/context.json'),
    JSON.stringify({
      ...{ gate: pair.gateOrigin, nonprod: pair.nonprodOrigin },
      passkeys: pair.layout.passkeys,
    }),
  );
  const watched: CommandLine['watched'] = (onText, ...args) =>
    new Promise((done) => {
      const child = execFile(
        process.execPath,
        [...node, ...args],
        { cwd: directory },
        (_error, stdout, stderr) => {
          done({ status: child.exitCode, text: stdout + stderr });
        },
      );
      child.stdout?.on('data', (chunk) => {
        onText(String(chunk));
      });
    });
  return {
    watched,
    airlock: (...args) => watched(() => undefined, ...args),
    dispose() {
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
