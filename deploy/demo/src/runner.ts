/** The demo's runner comes as any other does: a token, a key of its own, and a person who compares the fingerprint. */
import { spawn } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { becomeAdministrator } from '@airlock/cli/become-administrator';
import { signInToDemo } from '@airlock/cli/web-session';
import { root, runnerBundle } from './names.ts';
import { runnerName } from './provision.ts';

/**
 * Makes a token as oke of the platform role, starts `airlock-runner join`, accepts the key that it shows, and waits for its end.
 * What the runner is lies in `directory` then. A runner of the same name is replaced: its certificates are retired.
 */
export async function joinRunner(options: {
  readonly nonprodOrigin: string;
  readonly enrolmentUrl: string;
  readonly directory: string;
  /** Default: the demo's one runner. */
  readonly runner?: string;
  /** Default: the demo's one pool. */
  readonly pool?: string;
  readonly once?: boolean;
}): Promise<void> {
  const { directory, runner = runnerName, pool = 'default', once = false } = options;
  const platform = await becomeAdministrator(
    await signInToDemo(options.nonprodOrigin, 'oke'),
    `accepts the runner ${runner}`,
  );
  const wish = { pool, runner, once };
  const { token } = fields(await platform.postJson('/api/v1/runners/tokens', wish));
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const tokenFile = join(directory, 'token');
  writeFileSync(tokenFile, String(token), { mode: 0o600 });
  const child = spawn(
    process.execPath,
    [
      join(root, 'dist', runnerBundle),
      ...['join', options.enrolmentUrl, '--token-file', tokenFile, '--to', directory],
    ],
    {
      env: {
        PATH: process.env['PATH'] ?? '/usr/bin:/bin',
        NODE_COMPILE_CACHE: join(root, 'node_modules/.cache/compile'),
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  const said: string[] = [];
  const fingerprint = new Promise<string>((resolve) => {
    for (const stream of [child.stdout, child.stderr]) {
      createInterface({ input: stream }).on('line', (line) => {
        said.push(line);
        const shown = /fingerprint: ([0-9a-f ]+)$/.exec(line)?.[1];
        if (shown !== undefined) resolve(shown);
      });
    }
  });
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  const shown = await Promise.race([fingerprint, ended]);
  if (typeof shown === 'string') {
    const { enrolments } = fields(await platform.getJson('/api/v1/runners/enrolments'));
    const waits = (Array.isArray(enrolments) ? enrolments : [])
      .map(fields)
      .find(({ keyFingerprint }) => keyFingerprint === shown);
    if (waits === undefined) throw new Error(`no key ${shown} waits at nonprod`);
    await platform.postJson(`/api/v1/runners/enrolments/${String(waits['id'])}/accept`, {});
  }
  const code = await ended;
  rmSync(tokenFile, { force: true });
  if (code !== 0) throw new Error(`airlock-runner join ended with ${code}:\n${said.join('\n')}`);
}

function fields(value: unknown): Record<string, unknown> {
  if (typeof value !== 'object' || value === null) throw new Error('no JSON object');
  // Every object has string keys; what stands under them is looked at where it is used.
  return value as Record<string, unknown>;
}
