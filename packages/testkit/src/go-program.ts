/**
 * A program written in Go, for tests that want the real thing: from the cache, or built from the module proxy with the go command
 * of this machine, which checks what it downloads against Go's checksum database.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';

/** A program that Go can build from its module proxy. */
export type GoProgram = {
  /** File name of the binary. */
  binary: string;
  module: string;
  /** As the proxy knows it. */
  version: string;
  /** Directory of the cache below `airlock/`: name, version, system. */
  cacheName: string;
  /** Modules that its own go.mod takes from its source tree, at the versions they were published with. */
  require: readonly string[];
  linkerFlags: string;
};

/** How it was had, or why not, as one half of a sentence for people. */
export type Obtained = { binary: string | null; how: string };

/** From the cache, else built and then cached. Never throws for what a machine without Go or network cannot do. */
export async function obtainGoProgram(
  program: GoProgram,
  { signal, environment = process.env }: { signal: AbortSignal; environment?: NodeJS.ProcessEnv },
): Promise<Obtained> {
  const cache = join(
    environment['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'),
    'airlock',
    program.cacheName,
  );
  const binary = join(cache, program.binary);
  if (existsSync(binary)) return { binary, how: 'from the cache' };
  const started = performance.now();
  const work = mkdtempSync(join(tmpdir(), 'airlock-go-'));
  try {
    const built = await build(program, { work, signal, environment });
    mkdirSync(cache, { recursive: true });
    // Renamed within the cache, so that no half copy is ever found there.
    const incoming = join(cache, `.incoming-${process.pid}`);
    cpSync(built, incoming);
    chmodSync(incoming, 0o755);
    renameSync(incoming, binary);
    const seconds = ((performance.now() - started) / 1000).toFixed(0);
    return { binary, how: `built with Go in ${seconds} s` };
  } catch (error) {
    return { binary: null, how: error instanceof Error ? error.message : String(error) };
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

const Downloaded = z.object({ Dir: z.string() });
const GoMod = z.object({
  Replace: z
    .array(
      z.object({
        Old: z.object({ Path: z.string() }),
        New: z.object({ Version: z.string().optional() }),
      }),
    )
    .nullish(),
});

type Surroundings = { work: string; signal: AbortSignal; environment: NodeJS.ProcessEnv };

async function build(program: GoProgram, { work, signal, environment }: Surroundings) {
  // A module of somebody else's around the working directory must not choose versions here.
  const env = { ...environment, GOFLAGS: '-mod=mod', GOWORK: 'off', GO111MODULE: 'on' };
  const go = (args: readonly string[], cwd: string) => execute('go', args, { cwd, env, signal });
  const downloaded = await go(
    ['mod', 'download', '-json', `${program.module}@${program.version}`],
    work,
  );
  const source = join(work, 'source');
  cpSync(Downloaded.parse(JSON.parse(downloaded)).Dir, source, { recursive: true });
  // The module cache is read-only, and so is what was copied out of it.
  await execute('chmod', ['-R', 'u+w', source], { cwd: work, env, signal });
  const { Replace } = GoMod.parse(JSON.parse(await go(['mod', 'edit', '-json'], source)));
  const inTree = (Replace ?? []).filter(({ New }) => New.Version === undefined);
  await go(
    [
      'mod',
      'edit',
      ...inTree.map(({ Old }) => `-dropreplace=${Old.Path}`),
      ...program.require.map((module) => `-require=${module}`),
    ],
    source,
  );
  const output = join(work, program.binary);
  const flags = ['-trimpath', '-buildvcs=false', '-ldflags', program.linkerFlags];
  // Beside the check and the unit tests, which somebody waits for.
  await execute('nice', ['-n', '19', 'go', 'build', ...flags, '-o', output, '.'], {
    cwd: source,
    env,
    signal,
  });
  return output;
}

/** Standard output. @throws Error whose message is the last that the command said, or that it ran out of time. */
function execute(
  command: string,
  args: readonly string[],
  { cwd, env, signal }: { cwd: string; env: NodeJS.ProcessEnv; signal: AbortSignal },
): Promise<string> {
  const what = [command, ...args]
    .join(' ')
    .replace(/^nice -n 19 /, '')
    .slice(0, 60);
  return new Promise((resolve, reject) => {
    if (signal.aborted) {
      reject(new Error('no time left'));
      return;
    }
    const child = spawn(command, args, {
      cwd,
      env,
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    let complaint = '';
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (complaint += chunk.toString()));
    const give = () => {
      endGroup(child);
      reject(new Error(`not built in time: ${what}`));
    };
    signal.addEventListener('abort', give, { once: true });
    child.once('error', (error) => {
      signal.removeEventListener('abort', give);
      const isMissing = 'code' in error && error.code === 'ENOENT';
      reject(new Error(isMissing ? `no ${command} on PATH` : error.message));
    });
    child.once('close', (code) => {
      signal.removeEventListener('abort', give);
      if (code === 0) resolve(output);
      else reject(new Error(`${what}: ${lastLine(complaint) || lastLine(output)}`));
    });
  });
}

/** `go` runs compilers of its own, which would go on without it. */
function endGroup(child: ChildProcess): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch {
    // Ended in the meantime.
  }
}

function lastLine(text: string): string {
  const lines = text.split('\n').map((line) => line.trim());
  // `go mod download -json` says what went wrong in a field of its output.
  const named = lines.flatMap((line) => /^"Error": "(.*)",?$/.exec(line)?.[1] ?? []);
  const last = named[0] ?? lines.filter((line) => line !== '').at(-1) ?? '';
  return last.replaceAll(/(?:\\n|\\t)+/g, ' ').slice(0, 300);
}
