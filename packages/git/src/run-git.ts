/**
 * The only place that starts git. The environment is empty but for what stands here, no configuration of the machine
 * or of a person is read, and no hook, filter, pager, credential helper, prompt or background task of git can run.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { GitError } from './git-error.ts';

export type GitProtocol = 'https' | 'ssh' | 'file' | 'http';

export type GitContext = {
  /** Absolute path of the bare repository. */
  directory: string;
  protocols: readonly GitProtocol[];
  allowedSignersFile: string | null;
  timeoutMs: number;
};

export type GitResult = { exitCode: number; stdout: Buffer; stderr: string };

const maxStderrBytes = 64 * 1024;

/**
 * Starts git; the caller reads its output. It leads its own process group, so that its helpers can be ended with it.
 *
 * @see formats.md, section 7, for what each of these lines keeps out
 */
export function startGit(context: GitContext, args: readonly string[]): ChildProcess {
  const settings = [
    'core.hooksPath=/dev/null',
    'core.fsmonitor=false',
    'core.symlinks=false',
    'protocol.allow=never',
    ...context.protocols.map((protocol) => `protocol.${protocol}.allow=always`),
    'transfer.fsckObjects=true',
    'fetch.fsckObjects=true',
    'fetch.recurseSubmodules=no',
    'gc.auto=0',
    'maintenance.auto=false',
    'core.commitGraph=false',
    'http.followRedirects=false',
    'credential.helper=',
    'safe.bareRepository=explicit',
    'gpg.format=ssh',
    `gpg.ssh.allowedSignersFile=${context.allowedSignersFile ?? '/dev/null'}`,
    'gpg.program=/bin/false',
    'tar.umask=0022',
  ];
  return spawn(
    'git',
    [...settings.flatMap((setting) => ['-c', setting]), `--git-dir=${context.directory}`, ...args],
    {
      cwd: '/',
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        PATH: process.env['PATH'] ?? '',
        HOME: '/nonexistent',
        LC_ALL: 'C',
        GIT_CONFIG_NOSYSTEM: '1',
        GIT_CONFIG_GLOBAL: '/dev/null',
        GIT_TERMINAL_PROMPT: '0',
        GIT_ASKPASS: '/bin/false',
        GIT_SSH_COMMAND: 'ssh -o BatchMode=yes',
        GIT_NO_REPLACE_OBJECTS: '1',
        GIT_OPTIONAL_LOCKS: '0',
        GIT_ALLOW_PROTOCOL: context.protocols.join(':'),
        GIT_PROTOCOL_FROM_USER: '0',
      },
    },
  );
}

/** Ends git and the helpers it started. */
export function killGit(child: ChildProcess): void {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch (cause) {
    // It ended by itself in this moment.
    if (!(cause instanceof Error && 'code' in cause && cause.code === 'ESRCH')) throw cause;
  }
}

/**
 * Runs git to its end.
 *
 * @param options.maxBytes of output. Default 64 MiB.
 * @returns also for an exit code other than 0, whose meaning differs by verb.
 * @throws GitError `git-failed` after `timeoutMs` or by a signal, `git-too-large`, `configuration-git-missing`.
 */
export function runGit(
  context: GitContext,
  args: readonly string[],
  options: { maxBytes?: number } = {},
): Promise<GitResult> {
  const maxBytes = options.maxBytes ?? 64 * 1024 * 1024;
  const verb = args[0] ?? '';
  return new Promise((resolve, reject) => {
    const child = startGit(context, args);
    const chunks: Buffer[] = [];
    let size = 0;
    let stderr = '';
    let failure: GitError | null = null;
    const fail = (error: GitError): void => {
      failure ??= error;
      killGit(child);
    };
    const timer = setTimeout(() => {
      fail(new GitError('git-failed', `git ${verb} took longer than ${context.timeoutMs} ms`));
    }, context.timeoutMs);
    child.stdout?.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size <= maxBytes) chunks.push(chunk);
      else fail(new GitError('git-too-large', `git ${verb} wrote more than ${maxBytes} bytes`));
    });
    child.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
      if (stderr.length < maxStderrBytes) stderr += chunk;
    });
    child.on('error', (cause) => {
      clearTimeout(timer);
      reject(startFailure(cause));
    });
    child.on('close', (exitCode, signal) => {
      clearTimeout(timer);
      if (failure !== null) reject(failure);
      else if (exitCode === null) {
        reject(new GitError('git-failed', `git ${verb} was ended by ${String(signal)}`));
      } else resolve({ exitCode, stdout: Buffer.concat(chunks), stderr });
    });
  });
}

export function startFailure(cause: Error): GitError {
  return 'code' in cause && cause.code === 'ENOENT'
    ? new GitError('configuration-git-missing', 'git is not on PATH; install it', { cause })
    : new GitError('git-failed', `git cannot be started: ${cause.message}`, { cause });
}

/** The last thing git said, without credentials that a URL may carry. */
export function lastWords(stderr: string): string {
  const lines = stderr.trim().split('\n');
  const told = lines.filter((line) => /^(fatal|error|remote|ssh|ERROR)\b/.test(line));
  return (told.length > 0 ? told : lines)
    .slice(-2)
    .join('; ')
    .replace(/\/\/[^/@\s]*@/g, '//');
}
