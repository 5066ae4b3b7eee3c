/** One process of the pair started beside the running one, with a configuration that a person got wrong. */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { bundleOf, type ProcessName } from '@airlock/demo/names';
import type { Pair } from '@airlock/demo/pair';
import { parse, stringify } from 'yaml';

const root = join(import.meta.dirname, '../..');

export interface LogLine {
  readonly event: string;
  readonly message: string;
  readonly level: string;
}

export interface Ended {
  readonly exitCode: number | null;
  /** Path of the configuration file that it was started with. */
  readonly file: string;
  readonly lines: readonly LogLine[];
  readonly stderr: string;
}

// A configuration is a tree of mappings, lists and scalars.
export type Config = Record<string, unknown>;

/** Gives the broken configuration; `directory` is there for files that it needs. */
export type Breaking = (config: Config, directory: string) => string | Config | Promise<Config>;

/** The mapping at a key, to change in place. */
export function at(config: Config, ...keys: readonly string[]): Config {
  let found = config;
  for (const key of keys) {
    const next = found[key];
    if (typeof next !== 'object' || next === null) throw new Error(`no mapping at ${key}`);
    // A mapping of a file that was parsed as YAML.
    found = next as Config;
  }
  return found;
}

/** Starts the process's bundle with its own configuration after `breaking`; ends it after `seconds` if it still runs. */
export async function startWrong(
  pair: Pair,
  name: ProcessName,
  breaking: Breaking,
  seconds = 15,
): Promise<Ended> {
  const directory = mkdtempSync(join(tmpdir(), 'airlock-wrong-'));
  try {
    const file = join(directory, `${name}.yaml`);
    // Written by the pair itself.
    const config = parse(readFileSync(join(pair.layout.config, `${name}.yaml`), 'utf8')) as Config;
    const broken = await breaking(config, directory);
    writeFileSync(file, typeof broken === 'string' ? broken : stringify(broken));
    return { file, ...(await runBundle(name, ['--config', file], seconds)) };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Starts a process's bundle with these arguments; ends it after `seconds` if it still runs. */
export async function runBundle(
  name: ProcessName,
  args: readonly string[],
  seconds = 15,
): Promise<Omit<Ended, 'file'>> {
  const child = spawn(process.execPath, [join(root, 'dist', bundleOf[name]), ...args], {
    env: {
      PATH: process.env['PATH'] ?? '/usr/bin:/bin',
      AIRLOCK_DEMO: '1',
      NODE_COMPILE_CACHE: join(root, 'node_modules/.cache/compile'),
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const out: Buffer[] = [];
  const err: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => err.push(chunk));
  const patience = new AbortController();
  const ended = new Promise<number | null>((resolve) => {
    child.on('close', (code) => {
      patience.abort();
      resolve(code);
    });
  });
  await delay(seconds * 1000, undefined, { signal: patience.signal }).then(
    () => child.kill('SIGTERM'),
    () => undefined,
  );
  const exitCode = await ended;
  const lines = Buffer.concat(out).toString('utf8').split('\n').filter(Boolean).map(readLine);
  return { exitCode, lines, stderr: Buffer.concat(err).toString('utf8') };
}

function readLine(line: string): LogLine {
  // Every line of a process is one JSON object; a line that is not fails the test that reads it.
  const fields = JSON.parse(line) as Record<string, unknown>;
  const text = (key: string): string => {
    const value = fields[key];
    return typeof value === 'string' ? value : '';
  };
  return { event: text('event.action'), message: text('message'), level: text('log.level') };
}
