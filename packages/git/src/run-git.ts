/**
 * The only place that starts git. The environment is empty but for what stands here, no configuration of the machine
 * or of a person is read, and no hook, filter, pager, credential helper, prompt or background task of git can run.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { requireProgram, rootFileSystemArguments } from '@airlock/sandbox/host';
import { GitError } from './git-error.ts';

export type GitProtocol = 'https' | 'ssh' | 'file' | 'http';

export type GitContext = {
  /** Absolute path of the bare repository. */
  directory: string;
  /** What `fetch` may speak; every other verb may speak nothing. */
  protocols: readonly GitProtocol[];
  /** `bubblewrap`: whatever only reads runs without a network and sees the mirror and its own programs alone. */
  isolation: 'bubblewrap' | 'none';
  timeoutMs: number;
};

/** What one command may do beyond reading. */
export type GitRights = {
  /** Default false. */
  network?: boolean;
  /** Largest file that it may write, in bytes. Default 0: it writes none. */
  fileBytes?: number;
  /** It is asked on its standard input. Default false: there is nothing on it. */
  asked?: boolean;
  /** When it has succeeded, its output ends with all refs, as `listing` lists them. Default false. */
  listed?: boolean;
};

/** `<type of object> <id> <full name of a ref>` a line, in the order of the names. */
export const listing = ['for-each-ref', '--format=%(objecttype) %(objectname) %(refname)'];

export type GitResult = { exitCode: number; stdout: Buffer; stderr: string };

const maxStderrBytes = 64 * 1024;
/** POSIX: the exit code of a shell that did not find the command. */
export const shellFoundNothing = 127;

/** More than git needs with the windows below, so that an object that unpacks to terabytes ends git and not the machine. */
const addressSpaceBytes = 4 * 1024 ** 3;

/**
 * Limits first, then git. One that cannot be set stands lower already. The CPU limit is for a git that outlives a killed
 * parent: nobody's timer ends it then.
 */
const limits = [
  'ulimit -c 0 2>/dev/null',
  'ulimit -f "$1" 2>/dev/null',
  'ulimit -t "$2" 2>/dev/null',
  'ulimit -v "$3" 2>/dev/null',
  'directory=$4',
  'shift 4',
].join('; ');
const limited = `${limits}; exec git "$@"`;
/** In the same shell: a process that starts a program stands still meanwhile, the longer the more memory it has. */
const limitedAndListed = `${limits}; git "$@" && exec git --git-dir="$directory" ${listing.map((word) => `'${word}'`).join(' ')}`;

/**
 * Starts git; the caller reads its output. It leads its own process group, so that its helpers can be ended with it.
 *
 * @see formats.md, section 7, for what each of these lines keeps out
 */
export function startGit(
  context: GitContext,
  args: readonly string[],
  { network = false, fileBytes = 0, asked = false, listed = false }: GitRights = {},
): ChildProcess {
  const protocols = network ? context.protocols : [];
  const settings = [
    'core.hooksPath=/dev/null',
    'core.fsmonitor=false',
    'core.symlinks=false',
    'core.alternateRefsCommand=/bin/false',
    'protocol.allow=never',
    ...protocols.map((protocol) => `protocol.${protocol}.allow=always`),
    'transfer.fsckObjects=true',
    'fetch.fsckObjects=true',
    // Packs alone, so that the limit on one file is the limit on what one fetch brings.
    'fetch.unpackLimit=1',
    'fetch.recurseSubmodules=no',
    'gc.auto=0',
    'maintenance.auto=false',
    'core.commitGraph=false',
    'core.multiPackIndex=false',
    'core.packedGitWindowSize=32m',
    'core.packedGitLimit=512m',
    'core.bigFileThreshold=64m',
    'pack.threads=2',
    'http.followRedirects=false',
    'http.lowSpeedLimit=1000',
    'http.lowSpeedTime=30',
    'credential.helper=',
    'safe.bareRepository=explicit',
    'gpg.program=/bin/false',
    'gpg.ssh.program=/bin/false',
    'gpg.x509.program=/bin/false',
    'tar.umask=0022',
  ];
  const values = [
    Math.floor(fileBytes / 512),
    Math.ceil(context.timeoutMs / 1000) * 2 + 1,
    addressSpaceBytes / 1024,
    context.directory,
  ].map(String);
  const [program, ...leading] =
    context.isolation === 'none' || network || fileBytes > 0
      ? ['/bin/sh']
      : [...jail(context.directory), '/bin/sh'];
  return spawn(
    program,
    [
      ...leading,
      ...['-c', listed ? limitedAndListed : limited, 'git', ...values],
      ...settings.flatMap((setting) => ['-c', setting]),
      `--git-dir=${context.directory}`,
      ...args,
    ],
    {
      cwd: '/',
      detached: true,
      stdio: [asked ? 'pipe' : 'ignore', 'pipe', 'pipe'],
      env: {
        PATH: process.env['PATH'] ?? '',
        HOME: '/nonexistent',
        LC_ALL: 'C',
        GIT_CONFIG_NOSYSTEM: '1',
        GIT_CONFIG_GLOBAL: '/dev/null',
        GIT_TERMINAL_PROMPT: '0',
        GIT_ASKPASS: '/bin/false',
        GIT_SSH_COMMAND: network
          ? 'ssh -o BatchMode=yes -o ConnectTimeout=15 -o ServerAliveInterval=15 -o ServerAliveCountMax=2'
          : '/bin/false',
        GIT_NO_REPLACE_OBJECTS: '1',
        // Grafts rewrite history for whoever reads it; no file of the mirror is asked for any.
        GIT_GRAFT_FILE: '/dev/null',
        GIT_OPTIONAL_LOCKS: '0',
        GIT_ALLOW_PROTOCOL: protocols.join(':'),
        GIT_PROTOCOL_FROM_USER: '0',
      },
    },
  );
}

/** Also the configuration of the mirror stays outside: git runs what some of its settings name. */
function jail(directory: string): [string, ...string[]] {
  return [
    requireProgram('bwrap', 'bubblewrap'),
    ...['--unshare-all', '--die-with-parent', '--cap-drop', 'ALL'],
    ...rootFileSystemArguments(),
    ...['--dev', '/dev', '--ro-bind', directory, directory],
    ...['--dev-bind', '/dev/null', join(directory, 'config')],
    ...['--remount-ro', '/', '--chdir', '/', '--'],
  ];
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
  options: GitRights & { maxBytes?: number } = {},
): Promise<GitResult> {
  const maxBytes = options.maxBytes ?? 64 * 1024 * 1024;
  const verb = args[0] ?? '';
  return new Promise((resolve, reject) => {
    const child = startGit(context, args, options);
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
      } else if (exitCode === shellFoundNothing) {
        reject(gitMissing());
      } else resolve({ exitCode, stdout: Buffer.concat(chunks), stderr });
    });
  });
}

export function gitMissing(): GitError {
  return new GitError('configuration-git-missing', 'git is not on PATH; install it');
}

export function startFailure(cause: Error): GitError {
  return new GitError('git-failed', `git cannot be started: ${cause.message}`, { cause });
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
