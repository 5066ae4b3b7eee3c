import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { runSandboxed } from './bubblewrap.ts';
import { SandboxError } from './errors.ts';
import { requireProgram, runsAsRoot } from './host.ts';

export type SandboxProbe =
  | { available: true; version: string; enforced: string[] }
  | { available: false; reason: string; remedy: string };

/** Runs one trivial command in a sandbox, so that "available" means that it worked here and now. */
export async function probeSandbox(): Promise<SandboxProbe> {
  try {
    const bwrap = requireProgram('bwrap', 'bubblewrap');
    const { stdout } = await promisify(execFile)(bwrap, ['--version']);
    const version = /(\d+)\.(\d+)\.(\d+)/.exec(stdout);
    const [major, minor] = [Number(version?.[1]), Number(version?.[2])];
    if (version === null || (major === 0 && minor < 8)) {
      return {
        available: false,
        reason: `${stdout.trim()} is too old: 0.8.0 is the first that can forbid nested user namespaces`,
        remedy: 'install bubblewrap 0.8.0 or later (Debian 12, Ubuntu 24.04 and newer have it)',
      };
    }
    const result = await runSandboxed({
      command: ['/bin/true'],
      env: {},
      binds: [],
      files: [],
      workingDirectory: '/tmp',
      hostname: 'probe',
      limits: { wallSeconds: 10, fileBytes: 1024, processes: 16, openFiles: 64 },
      onOutput: () => {},
    });
    if (result.exitCode === 0)
      return { available: true, version: version[0], enforced: result.enforced };
    return {
      available: false,
      reason: `/bin/true ended in the sandbox with ${result.outcome} ${result.exitCode ?? ''}`,
      remedy: 'run it by hand to see why: bwrap --unshare-all --ro-bind / / /bin/true',
    };
  } catch (error) {
    if (!(error instanceof SandboxError)) throw error;
    return { available: false, reason: error.message, remedy: remedyFor(error) };
  }
}

function remedyFor(error: SandboxError): string {
  if (error.code === 'sandbox-unavailable') return 'then start again';
  return runsAsRoot()
    ? 'in a container, start it with --privileged (or with CAP_SYS_ADMIN and without its seccomp profile), or run as an ordinary user on a host'
    : 'allow unprivileged user namespaces: sysctl -w kernel.unprivileged_userns_clone=1 (Debian) or kernel.apparmor_restrict_unprivileged_userns=0 (Ubuntu)';
}
