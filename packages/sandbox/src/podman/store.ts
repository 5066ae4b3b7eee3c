/** Podman on this machine: how it is asked, and the images that it has. */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { SandboxError } from '../errors.ts';
import { findProgram, requireProgram, runsAsRoot } from '../host.ts';
import { seccompProfile } from '../seccomp.ts';

export type Podman = {
  readonly program: string;
  /** Its whole environment. */
  readonly env: Readonly<Record<string, string>>;
  /** Of {@link openPodman}: settings, the filter of system calls, a file for the pid of every container. */
  readonly directory: string;
  /** Of every container that this builder starts, `name=value`. */
  readonly label: string;
  /** What bounds a container's memory. */
  readonly memory: 'cgroup-v2' | 'cgroup-v1' | 'watchdog';
};

export type PodmanImage = {
  readonly entrypoint: readonly string[];
  /** Whether it says where programs are. */
  readonly hasPath: boolean;
};

// This machine's own containers.conf could bind directories or set an environment for every container, and its mounts.conf
// and hooks do (on RHEL: the machine's subscription). Its default system control cannot be written in a network that somebody
// else opened.
const settingsOf = (mounts: string): string => `[containers]
base_hosts_file = "none"
default_sysctls = []
default_mounts_file = ${JSON.stringify(mounts)}
[engine]
hooks_dir = []
`;
// The other runtime, which podman prefers, refuses a machine where both versions of control groups are mounted.
const settingsOfV1 = 'runtime = "runc"\n';

export const seccompFile = 'seccomp.json';

/**
 * Asks podman what it can do here, and removes containers that this builder left behind when it was killed.
 *
 * @param directory absolute; made if need be, this builder's own.
 * @throws SandboxError `sandbox-unavailable`
 */
export async function openPodman(directory: string): Promise<Podman> {
  const program = requireProgram('podman', 'podman');
  if (!runsAsRoot()) requireProgram('newuidmap', 'uidmap');
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const configuration = join(directory, 'containers.conf');
  const mounts = join(directory, 'mounts.conf');
  writeFileSync(mounts, '');
  const settings = settingsOf(mounts);
  writeFileSync(configuration, settings);
  writeFileSync(join(directory, seccompFile), JSON.stringify(seccompProfile(process.arch)));
  const kept = ['HOME', 'XDG_RUNTIME_DIR', 'DBUS_SESSION_BUS_ADDRESS'].flatMap((name) => {
    const value = process.env[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  const env = {
    ...Object.fromEntries(kept),
    PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    CONTAINERS_CONF: configuration,
  };
  const builder = createHash('sha256').update(directory).digest('hex').slice(0, 32);
  const asked = { program, env, directory, label: `airlock.builder=${builder}` };
  const said = await askPodman(asked, [
    'info',
    '--format',
    '{{.Host.CgroupsVersion}} {{.Host.Security.Rootless}} {{len .Host.IDMappings.UIDMap}} {{len .Host.IDMappings.GIDMap}}',
  ]);
  const [version, rootless, ...mapped] = said.stdout.trim().split(' ');
  if (said.code !== 0 || (version !== 'v1' && version !== 'v2')) {
    throw new SandboxError(
      'sandbox-unavailable',
      `podman does not work on this machine: ${said.stderr.trim() || said.stdout.trim() || `it ended with ${said.code}`}`,
    );
  }
  // Its own id alone: podman would go on, and fail at the first container with a riddle.
  if (rootless === 'true' && mapped.includes('1')) {
    const uid = process.getuid?.() ?? 0;
    throw new SandboxError(
      'sandbox-unavailable',
      `podman has no ids to give to containers of uid ${uid}: /etc/subuid and /etc/subgid need a line each; as root run: usermod --add-subuids 100000-165535 --add-subgids 100000-165535 "$(id -un ${uid})", and as this user, where podman ran before: podman system migrate`,
    );
  }
  if (version === 'v1' && findProgram('runc') !== null) {
    writeFileSync(configuration, settings + settingsOfV1);
  }
  const memory =
    version === 'v2' ? 'cgroup-v2' : rootless === 'true' ? 'watchdog' : ('cgroup-v1' as const);
  const podman: Podman = { ...asked, memory };
  const left = await askPodman(podman, [
    'ps',
    '--all',
    '--quiet',
    '--filter',
    `label=${podman.label}`,
  ]);
  for (const id of left.stdout.split('\n').filter(Boolean)) await removeContainer(podman, id);
  return podman;
}

/** What this machine has under `reference`, or null. Nothing is fetched. */
export async function imageOf(podman: Podman, reference: string): Promise<PodmanImage | null> {
  const { code, stdout } = await askPodman(podman, [
    ...['image', 'inspect', '--format', '{{json .Config}}', reference],
  ]);
  if (code !== 0) return null;
  const config: unknown = JSON.parse(stdout);
  return {
    entrypoint: [...listIn(config, 'Entrypoint'), ...listIn(config, 'Cmd')],
    hasPath: listIn(config, 'Env').some((line) => line.startsWith('PATH=')),
  };
}

/**
 * An image without a file: its programs are this machine's own, which whoever runs it shows at /usr.
 *
 * @throws SandboxError `sandbox-setup-failed`
 */
export async function emptyImage(podman: Podman): Promise<string> {
  const reference = 'localhost/airlock-empty:1';
  const script = `
set -e
at=$(mktemp -d); trap 'rm -rf "$at"' EXIT
cd "$at"; chmod 755 .; mkdir usr etc tmp proc dev sys run var opt root
chmod 1777 tmp; chmod 700 root
echo root:x:0:0:root:/:/bin/sh > etc/passwd; echo root:x:0: > etc/group
for name in bin sbin lib lib64; do if [ -L "/$name" ]; then ln -s "usr/$name" "$name"; fi; done
tar -cf "$1" --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner .
`;
  const file = join(podman.directory, 'empty.tar');
  const made = await run('/bin/sh', ['-c', script, 'sh', file], podman.env);
  const imported =
    made.code === 0 ? await askPodman(podman, ['import', '--quiet', file, reference]) : made;
  if (imported.code === 0) return reference;
  throw new SandboxError(
    'sandbox-setup-failed',
    `no image could be made for the self-test: ${imported.stderr.trim()}`,
  );
}

/** Ends and removes a container; one that is not there any more is not an error. */
export async function removeContainer(podman: Podman, name: string): Promise<void> {
  let said = '';
  // Podman's own clean-up runs beside this one, and each finds mounts busy that the other takes away.
  for (let attempt = 0; attempt < 40; attempt += 1) {
    const { code, stderr } = await askPodman(podman, ['rm', '-f', '-i', '-t', '0', name]);
    if (code === 0) return;
    said = stderr.trim();
    await new Promise((done) => setTimeout(done, 50));
  }
  throw new SandboxError(
    'sandbox-setup-failed',
    `container ${name} of a build that ended cannot be removed: ${said}`,
  );
}

export async function askPodman(
  podman: Pick<Podman, 'program' | 'env'>,
  args: readonly string[],
): Promise<{ code: number; stdout: string; stderr: string }> {
  return run(podman.program, args, podman.env);
}

function run(
  program: string,
  args: readonly string[],
  env: Podman['env'],
): Promise<{ code: number; stdout: string; stderr: string }> {
  return new Promise((done) => {
    execFile(
      program,
      args,
      { env, cwd: '/', maxBuffer: 16 * 1024 * 1024, timeout: 60_000 },
      (error, stdout, stderr) => {
        const code = error === null ? 0 : typeof error.code === 'number' ? error.code : 1;
        done({ code, stdout, stderr });
      },
    );
  });
}

function listIn(config: unknown, key: string): string[] {
  if (typeof config !== 'object' || config === null || !(key in config)) return [];
  const value: unknown = Reflect.get(config, key);
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : [];
}
