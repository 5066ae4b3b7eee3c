/** Runs the escape kit in an isolation, as a step of a job would run in it. */
import { randomInt } from 'node:crypto';
import { mkdtempSync, readFileSync, readdirSync, readlinkSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { AirlockError } from '@airlock/common/errors';
import type { Isolation } from '../isolation/isolation.ts';
import { createWorkspace } from '../workspace.ts';
import type { KitFindings } from './facts.ts';
import { kitProgram } from './program.ts';

export class EscapeKitError extends AirlockError<'escape-kit-failed'> {}

const kinds = ['cgroup', 'ipc', 'mnt', 'net', 'pid', 'user', 'uts'];

/**
 * What a build finds when it tries to get out, by the name of the probe.
 *
 * @param options.nodeInside path of Node as the isolation shows it.
 * @param options.workspaceInside the workspace as the isolation shows it; null: where it is.
 * @param options.secretFiles absolute paths of what a build must never read: configuration, keys.
 * @throws EscapeKitError when the kit could not be run to its end, which says nothing good either.
 */
export async function runEscapeKit(options: {
  isolation: Isolation;
  nodeInside: string;
  workspaceInside: string | null;
  secretFiles: readonly string[];
  workDirectory: string;
}): Promise<KitFindings> {
  const { isolation, nodeInside, secretFiles } = options;
  // A number, so that it can be the argument of a sleep, too.
  const marker = `airlock-selftest-${randomInt(1e8, 1e9)}`;
  process.env['AIRLOCK_SELFTEST_MARKER'] = marker;
  const directory = mkdtempSync(join(tmpdir(), 'airlock-kit-'));
  const socketPath = join(directory, 'machine.sock');
  const servers = [createServer(), createServer(), createServer()] as const;
  const [tcp, abstract, unix] = servers;
  const workspace = await createWorkspace(options.workDirectory);
  try {
    await Promise.all([
      listen(tcp, { host: '127.0.0.1', port: 0 }),
      listen(abstract, { path: `\0${marker}` }),
      listen(unix, { path: socketPath }),
    ]);
    const address = tcp.address();
    let [output, complaint] = ['', ''];
    const result = await isolation.run({
      command: [
        ...[nodeInside, '-e'],
        kitProgram({
          ...{
            marker,
            pid: process.pid,
            startTime: ownStartTime(),
            socketPath,
            secretFiles,
            abstractSocket: marker,
          },
          port: address !== null && typeof address === 'object' ? address.port : 0,
          namespaces: Object.fromEntries(
            kinds.map((kind) => [kind, readlinkSync(`/proc/self/ns/${kind}`)]),
          ),
          workspace: options.workspaceInside ?? workspace.path,
        }),
      ],
      env: {},
      workspace: workspace.path,
      writable: true,
      wallSeconds: 60,
      signal: new AbortController().signal,
      onOutput: (stream, chunk) => {
        if (stream === 'stdout') output += chunk.toString();
        else complaint = (complaint + chunk.toString()).slice(-1000);
      },
    });
    const findings = readFindings(output);
    if (findings === null) {
      throw new EscapeKitError(
        'escape-kit-failed',
        `the escape kit ended with ${result.outcome} ${result.exitCode ?? ''} and found nothing; ${complaint.trim() || 'it said nothing'}`,
      );
    }
    return { ...findings, 'process-left-behind': await leftBehind(`300.${marker.slice(-9)}`) };
  } finally {
    delete process.env['AIRLOCK_SELFTEST_MARKER'];
    for (const server of servers) server.close();
    await workspace.destroy();
    rmSync(directory, { recursive: true, force: true });
  }
}

/** In the kernel's ticks since the machine started, as proc(5) has it: the 22nd field, the 20th behind the name. */
function ownStartTime(): string {
  const behindName = readFileSync('/proc/self/stat', 'latin1').split(') ').at(-1);
  const told = behindName?.split(' ')[19];
  if (told !== undefined) return told;
  throw new EscapeKitError('escape-kit-failed', '/proc/self/stat does not say when this started');
}

async function listen(server: Server, at: { path: string } | { host: string; port: number }) {
  await new Promise<void>((done, reject) => {
    server.once('error', reject);
    server.listen(at, done);
  });
}

function readFindings(output: string): Record<string, string> | null {
  let read: unknown;
  try {
    read = JSON.parse(output);
  } catch {
    return null;
  }
  if (typeof read !== 'object' || read === null) return null;
  const entries = Object.entries(read).map(([name, value]): [string, string] => [
    name,
    String(value),
  ]);
  return entries.length === 0 ? null : Object.fromEntries(entries);
}

/** Whether a process of the kit still runs on this machine, a moment after its command ended. */
async function leftBehind(argument: string): Promise<string> {
  const isThere = (): boolean =>
    readdirSync('/proc').some((name) => {
      if (!/^\d+$/.test(name)) return false;
      try {
        return readFileSync(`/proc/${name}/cmdline`, 'utf8').includes(argument);
      } catch {
        return false;
      }
    });
  for (let wait = 0; isThere() && wait < 20; wait += 1) await sleep(50);
  return isThere() ? 'RUNS ON' : 'none';
}
