/**
 * The escape kit: one program that tries to get out of wherever it is started, and prints what it found. It runs inside, where
 * nothing of this code base is, so that it is sent as its own text and stands for itself.
 */
import type { NetConnectOpts } from 'node:net';
import type { HostFacts } from './facts.ts';
import { systemCallScript } from './system-calls.ts';

/** Text for `node -e`, with everything that it has to know. */
export function kitProgram(facts: HostFacts): string {
  const given = { ...facts, script: systemCallScript(process.arch) };
  // A bundler may wrap functions in a helper that is not there inside.
  return `const __name = (f) => f;\n(${probe.toString()})((name) => process.getBuiltinModule(name), ${JSON.stringify(given)});`;
}

type Given = HostFacts & { readonly script: string };

async function probe(get: typeof process.getBuiltinModule, given: Given): Promise<void> {
  const { spawn, spawnSync } = get('node:child_process');
  const fs = get('node:fs');
  const net = get('node:net');
  const os = get('node:os');
  const found: Record<string, string> = {};
  // Which error it is depends on the kernel and on what is installed; that it is one does not.
  const attempt = (name: string, act: () => string): void => {
    try {
      found[name] = act();
    } catch {
      found[name] = 'refused';
    }
  };
  const readable = (path: string): string => {
    fs.closeSync(fs.openSync(path, 'r'));
    return 'READABLE';
  };
  const writable = (path: string): string => {
    fs.closeSync(fs.openSync(path, 'a'));
    return 'WRITABLE';
  };
  const numbers = fs.readdirSync('/proc').filter((name) => /^\d+$/.test(name));

  // Who it is.
  const status = fs.readFileSync('/proc/self/status', 'utf8');
  const line = (key: string): string =>
    new RegExp(`^${key}:\\s*(.*)$`, 'm').exec(status)?.[1]?.trim() ?? 'unknown';
  found['user'] = /(^|\s)0(\s|$)/.test(line('Uid')) ? 'ROOT' : 'not root';
  found['groups'] = /\b0\b/.test(line('Groups')) ? 'ROOT' : 'not root';
  for (const set of ['CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb']) {
    found[`capabilities-${set}`] = /^0+$/.test(line(set)) ? 'none' : `SOME ${line(set)}`;
  }
  found['no-new-privileges'] = line('NoNewPrivs');
  found['system-call-filter'] = line('Seccomp');
  for (const [kind, host] of Object.entries(given.namespaces)) {
    attempt(`namespace-${kind}`, () =>
      fs.readlinkSync(`/proc/self/ns/${kind}`) === host ? "THE MACHINE'S" : 'own',
    );
  }

  // What it can learn of the process that started it.
  const holders = (file: string): string =>
    numbers.some((pid) => {
      try {
        return fs.readFileSync(`/proc/${pid}/${file}`, 'latin1').includes(given.marker);
      } catch {
        return false;
      }
    })
      ? 'FOUND'
      : 'absent';
  found['environment-of-starter'] = holders('environ');
  attempt('environment-of-pid-1', () =>
    fs.readFileSync('/proc/1/environ', 'latin1') === '' ? 'empty' : 'READABLE',
  );
  // A starter that is the first process of a container has a number that a process in here has, too.
  const isAnother = (): boolean => {
    if (found['namespace-pid'] !== 'own') return false;
    try {
      const stat = fs.readFileSync(`/proc/${given.pid}/stat`, 'latin1');
      return stat.split(') ').at(-1)?.split(' ')[19] !== given.startTime;
    } catch {
      return false;
    }
  };
  const ofStarter = (name: string, act: () => string): void => {
    if (isAnother()) found[name] = 'refused';
    else attempt(name, act);
  };
  ofStarter('starter-can-be-signalled', () => {
    process.kill(given.pid, 0);
    return 'REACHED';
  });
  ofStarter('starter-memory', () => readable(`/proc/${given.pid}/mem`));
  ofStarter('starter-root', () => readable(`/proc/${given.pid}/root/etc/passwd`));
  found['processes-of-others'] = numbers.length <= 6 ? 'absent' : `${numbers.length} SEEN`;
  const descriptors = spawnSync('/bin/sh', ['-c', 'ls -l /proc/$$/fd'], { encoding: 'utf8' });
  found['inherited-descriptors'] = descriptors.stdout
    .split('\n')
    .flatMap((entry) => /(\d+) -> (.*)$/.exec(entry)?.slice(1, 3).join(' ') ?? [])
    .filter((entry) => !/^[012] /.test(entry) && !entry.endsWith('/dev/null'))
    .map((entry) => `${entry} OPEN`)
    .join(', ');
  found['inherited-descriptors'] ||= 'none';

  // Files of the machine.
  for (const path of [
    ...[
      '/etc/shadow',
      '/root',
      '/etc/ssh/ssh_host_ed25519_key',
      '/var/run/docker.sock',
      '/run/podman/podman.sock',
    ],
    ...['/run/systemd/private', '/run/dbus/system_bus_socket', '/proc/kcore', '/proc/kmsg'],
  ]) {
    attempt(`read ${path}`, () => readable(path));
  }
  const secrets = given.secretFiles.filter((path) => {
    try {
      readable(path);
      return true;
    } catch {
      return false;
    }
  });
  found['secret-files'] = secrets.length === 0 ? 'unreadable' : `READABLE ${secrets.join(' ')}`;
  for (const path of [
    ...['/escape', '/usr/escape', '/etc/escape', '/dev/escape', '/proc/sys/kernel/core_pattern'],
    ...['/proc/sysrq-trigger', '/proc/self/oom_score_adj.escape', '/sys/escape'],
  ]) {
    attempt(`write ${path}`, () => writable(path));
  }
  attempt('write workspace', () => {
    const file = `${given.workspace}/escape-kit`;
    const what = writable(file);
    fs.rmSync(file);
    return what.toLowerCase();
  });
  attempt('device-of-a-disk', () => {
    const made = spawnSync('mknod', [`${given.workspace}/disk`, 'b', '254', '0']);
    return made.status === 0 ? 'MADE' : 'refused';
  });
  attempt('set-user-id', () => {
    const mounts = fs.readFileSync('/proc/self/mountinfo', 'utf8').split('\n').filter(Boolean);
    const ignored = mounts.filter((mount) => {
      const [, , , , path = '', flags = ''] = mount.split(' ');
      return ['/usr', '/bin', given.workspace, '/tmp'].includes(path) && !/\bnosuid\b/.test(flags);
    });
    return ignored.length === 0 ? 'ignored' : 'HONOURED';
  });
  attempt('terminal', () => writable('/dev/tty'));
  attempt('sudo', () =>
    spawnSync('sudo', ['-n', 'true'], { stdio: 'ignore' }).status === 0 ? 'ROOT' : 'refused',
  );
  attempt('memory-of-/dev/shm', () => {
    const { blocks, bsize } = fs.statfsSync('/dev/shm');
    return blocks * bsize <= 64 * 1024 * 1024 ? 'bounded' : 'UNBOUNDED';
  });
  attempt('memory-of-/tmp', () => {
    const { blocks, bsize } = fs.statfsSync('/tmp');
    return blocks * bsize <= 64 * 1024 * 1024 ? 'bounded' : 'UNBOUNDED';
  });
  const limits = fs.readFileSync('/proc/self/limits', 'utf8');
  for (const [name, what] of [
    ['core-files', 'Max core file size'],
    ['file-size', 'Max file size'],
    ['processes', 'Max processes'],
  ] as const) {
    const hard = new RegExp(`^${what}\\s+\\S+\\s+(\\S+)`, 'm').exec(limits)?.[1];
    found[`limit-${name}`] = hard === 'unlimited' ? 'UNLIMITED' : hard === '0' ? 'none' : 'set';
  }

  // Networks.
  const reach = async (name: string, to: NetConnectOpts): Promise<void> => {
    found[name] = await new Promise<string>((resolve) => {
      const socket = net.connect(to);
      socket.setTimeout(3000, () => {
        resolve('silence');
        socket.destroy();
      });
      socket.once('connect', () => {
        resolve('CONNECTED');
        socket.destroy();
      });
      socket.once('error', () => {
        resolve('refused');
      });
    });
  };
  found['interfaces'] = Object.keys(os.networkInterfaces()).join(' ');
  found['interfaces'] ||= 'none';
  await Promise.all([
    reach('connect machine-loopback', { host: '127.0.0.1', port: given.port }),
    reach('connect metadata', { host: '169.254.169.254', port: 80 }),
    reach('connect world', { host: '192.0.2.1', port: 443 }),
    reach('connect world-6', { host: '2001:db8::1', port: 443 }),
    reach('connect abstract-socket', { path: `\0${given.abstractSocket}` }),
    reach('connect socket', { path: given.socketPath }),
  ]);

  // Raw system calls.
  const names: Record<string, string> = { '0': 'LET THROUGH', '1': 'EPERM', '38': 'ENOSYS' };
  const perl = spawnSync('perl', ['-e', given.script], { encoding: 'utf8' });
  const said = perl.error === undefined ? perl.stdout : '';
  if (said === '') found['system-calls'] = 'NOT TRIED: no perl';
  for (const entry of said.split('\n').filter(Boolean)) {
    const [name, number = ''] = entry.split(' ');
    found[`call ${name ?? ''}`] = names[number] ?? `errno ${number}`;
  }

  // What outlives it is looked for by whoever started it.
  spawn('/bin/sleep', [`300.${given.marker.slice(-9)}`], {
    detached: true,
    stdio: 'ignore',
  }).unref();
  const sorted = Object.fromEntries(Object.entries(found).sort(([a], [b]) => (a < b ? -1 : 1)));
  fs.writeSync(1, `${JSON.stringify(sorted)}\n`);
  process.exit(0);
}
