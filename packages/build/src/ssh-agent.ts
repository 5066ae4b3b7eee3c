/**
 * An SSH key that a step may use and cannot have: `ssh-agent` in a sandbox of its own, of which the step sees the socket.
 *
 * Key and passphrase go in through descriptors of files in memory that have no name; the agent's sandbox has no network, and
 * the step's cannot see its processes.
 */
import { writeFile, chmod, mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { AirlockError } from '@airlock/common/errors';
import { runSandboxed } from '@airlock/sandbox/bubblewrap';
import { requireProgram } from '@airlock/sandbox/host';

export type SshAgentErrorCode = 'ssh-key-unusable';

export class SshAgentError extends AirlockError<SshAgentErrorCode> {}

export type SshAgent = {
  /** Shown to the step, read-only, at {@link agentInside}. */
  directory: string;
  /** Resolves when the agent, and with it the key, is gone. */
  stop(): Promise<void>;
};

/** Where a step finds the agent's directory. */
export const agentInside = '/run/airlock/ssh';

/** The agent's socket, as a step finds it. */
export const agentSocketInside = `${agentInside}/agent.sock`;

/** Beside the socket: git and ssh connect to no host that is not listed. */
export const agentEnvironment = {
  GIT_SSH_COMMAND: `ssh -o UserKnownHostsFile=${agentInside}/known_hosts -o GlobalKnownHostsFile=/dev/null -o StrictHostKeyChecking=yes -o BatchMode=yes`,
} as const;

/** How long an agent takes at most to have the key, in seconds: the passphrase of a key is slow on purpose. */
const startSeconds = 30;

const keyDescriptor = 10;
const passphraseDescriptor = 11;
const askpass = '/tmp/askpass';
const inside = '/run/airlock/agent';
const socket = `${inside}/agent.sock`;

// The agent is the sandbox's command, so that they end together; the loader beside it is gone before any step looks.
const script = `
cat >${askpass} <<'ASKPASS' && chmod +x ${askpass} || exit 1
#!/bin/sh
# A wrong passphrase is asked for again until none is given.
mkdir /tmp/asked && exec cat /dev/fd/${passphraseDescriptor}
ASKPASS
(
  until [ -S ${socket} ]; do sleep 0.02; done
  if ssh-add -q - </dev/fd/${keyDescriptor}; then echo ready; else kill $$; fi
) &
exec ssh-agent -D -a ${socket} -t "$1" >/dev/null`;

/**
 * @param options.directory to be made, and removed by `stop`.
 * @param options.lifetimeSeconds after which the agent forgets the key, whoever still runs.
 * @throws SshAgentError with what ssh-add said: a wrong passphrase, or no key.
 * @throws SandboxError when this machine has no ssh-agent, or no sandbox.
 */
export async function startSshAgent(options: {
  readonly directory: string;
  readonly privateKey: Buffer;
  readonly passphrase: Buffer;
  /** Lines of a known_hosts file. */
  readonly knownHosts: string;
  readonly lifetimeSeconds: number;
  readonly signal: AbortSignal;
}): Promise<SshAgent> {
  const { directory, lifetimeSeconds } = options;
  requireProgram('ssh-agent', 'openssh-client');
  await mkdir(directory, { mode: 0o700 });
  const knownHosts = join(directory, 'known_hosts');
  await writeFile(knownHosts, options.knownHosts);
  await chmod(knownHosts, 0o444);
  const ending = new AbortController();
  const started = Promise.withResolvers<boolean>();
  let said = '';
  const running = runSandboxed({
    command: ['/bin/sh', '-c', script, 'sh', String(Math.ceil(lifetimeSeconds))],
    env: {
      PATH: '/usr/bin:/bin',
      HOME: '/tmp',
      SSH_AUTH_SOCK: socket,
      SSH_ASKPASS: askpass,
      SSH_ASKPASS_REQUIRE: 'force',
    },
    binds: [{ source: directory, target: inside, writable: true }],
    files: [],
    inheritFds: [
      { fd: keyDescriptor, source: options.privateKey },
      { fd: passphraseDescriptor, source: options.passphrase },
    ],
    workingDirectory: '/tmp',
    hostname: 'agent',
    limits: { wallSeconds: lifetimeSeconds, fileBytes: 65_536, processes: 16, openFiles: 64 },
    signal: AbortSignal.any([options.signal, ending.signal]),
    onOutput: (_, chunk) => {
      said = (said + chunk.toString('utf8')).slice(-1000);
      if (/^ready$/m.test(said)) started.resolve(true);
    },
  });
  const ended = running.then(
    () => {
      started.resolve(false);
    },
    (error: unknown) => {
      started.reject(error);
    },
  );
  const timer = setTimeout(() => {
    started.resolve(false);
  }, startSeconds * 1000);
  const stop = async (): Promise<void> => {
    ending.abort();
    await ended;
    await rm(directory, { recursive: true, force: true });
  };
  try {
    if (await started.promise) return { directory, stop };
  } catch (error) {
    await stop();
    throw error;
  } finally {
    clearTimeout(timer);
  }
  await stop();
  throw new SshAgentError(
    'ssh-key-unusable',
    `ssh-add does not take the key: ${reasonOf(said)}; set the secret again with the passphrase of this very key`,
  );
}

function reasonOf(said: string): string {
  const line = said.split('\n').find((text) => /key|passphrase/i.test(text));
  return line?.trim() ?? 'the passphrase is wrong';
}
