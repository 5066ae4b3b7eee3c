/** What a build tries from within its step: out to the network, to the machine, to other builds, and to more than its share. */
import { randomBytes } from 'node:crypto';
import { connect } from 'node:net';
import { knock } from './knock.ts';
import { all, type Drill, type Way } from './drill.ts';
import { pipelineOf, push, reasonsOf, runOf, tryInside } from './build-door.ts';
import type { DrillTarget } from './target.ts';

const portOf = (origin: string): string => new URL(origin).port;

/** Whether somebody listens there: a door that is shut for everybody would show nothing. */
function listens(port: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port: Number(port), timeout: 3_000 });
    const end = (answer: boolean) => (): void => {
      socket.destroy();
      resolve(answer);
    };
    socket.on('connect', end(true)).on('error', end(false)).on('timeout', end(false));
  });
}

const tcp = (name: string, host: string, port: string | number): string =>
  `try ${name} timeout 3 bash -c 'exec 3<>/dev/tcp/${host}/${port} && echo connected'`;

/** The way out that the other ways are made of works: to a listener within the step. */
const ownListener = `perl -MIO::Socket::INET -e 'my $s = IO::Socket::INET->new(Listen => 1, LocalAddr => "127.0.0.1", LocalPort => 28999) or die; $s->accept' &
sleep 1; timeout 3 bash -c 'exec 3<>/dev/tcp/127.0.0.1/28999' && said own-listener held connected || said own-listener open 'no way to try: bash, perl or loopback is missing'`;

const egress: Drill = {
  id: 'egress',
  controls: ['B21', 'V22', 'V41'],
  attacker: 'committer',
  attack: 'opens connections from a step to the services beside it and to the internet',
  async run(target) {
    const doors: readonly [string, string][] = [
      ['nonprod', portOf(target.nonprod)],
      ['runner-api', portOf(target.runnerApi)],
      ['gate', portOf(target.gate)],
    ];
    const control: Way[] = [];
    for (const [name, port] of doors) {
      const open = await listens(port);
      control.push({
        way: `${name} from outside`,
        held: open,
        answer: open ? 'answers' : 'is down',
      });
    }
    const names = [
      'own-listener',
      ...doors.map(([name]) => name),
      'internet',
      'internet-v6',
      'dns',
      'udp',
      'interfaces',
    ];
    const { ways } = await tryInside(
      target,
      names,
      [
        ownListener,
        ...doors.map(([name, port]) => tcp(name, '127.0.0.1', port)),
        tcp('internet', '1.1.1.1', 443),
        tcp('internet-v6', '2606:4700:4700::1111', 443),
        'try dns timeout 3 getent hosts example.com',
        `try udp timeout 3 bash -c 'echo x > /dev/udp/192.0.2.1/53'`,
        `i=$(tail -n +3 /proc/net/dev | grep -vc '^ *lo:'); [ "$i" = 0 ] && said interfaces held 'loopback alone' || said interfaces open "$i more than loopback"`,
      ].join('\n'),
    );
    return all([...control, ...ways]);
  },
};

const metadataAddress: Drill = {
  id: 'metadata-address',
  controls: ['B21'],
  attacker: 'committer',
  attack: 'asks the addresses at which clouds hand out the machine’s credentials',
  async run(target) {
    const hosts = ['169.254.169.254', '169.254.170.2', '100.100.100.200', 'fd00:ec2::254'];
    const names = hosts.map((host) => host.replaceAll(':', '-'));
    const { ways } = await tryInside(
      target,
      [...names, 'own-listener', 'routes'],
      [
        ownListener,
        ...hosts.map((host, index) => tcp(names[index] ?? host, host, 80)),
        // An address that nobody has here is refused on any machine; without a route it is on every one.
        `r=$(tail -n +2 /proc/net/route | wc -l); [ "$r" = 0 ] && said routes held 'no route' || said routes open "$r routes"`,
      ].join('\n'),
    );
    return all(ways);
  },
};

const forkbomb: Drill = {
  id: 'forkbomb',
  controls: ['B18'],
  attacker: 'committer',
  attack: 'starts processes until it may not, and asks meanwhile whether the service still answers',
  async run(target) {
    const { value, slowest } = await meanwhile(target, () =>
      tryInside(
        target,
        ['processes'],
        // Bounded, so that a machine without a limit lives through it.
        `n=$(perl -e 'my $n=0; while ($n < 6000) { my $p = fork; last unless defined $p; if (!$p) { sleep 8; exit } $n++ } print $n')
[ "$n" -lt 6000 ] && said processes held "the fork after $n failed" || said processes open "$n processes"`,
      ),
    );
    // A step that is ended for it says nothing more; the run says why.
    return all([...endedFor(value, 'processes', /processes at a time/), slowest]);
  },
};

const memoryHog: Drill = {
  id: 'memory-hog',
  controls: ['B18'],
  attacker: 'committer',
  attack: 'takes 1 GiB of memory in a step of 128 MiB',
  async run(target) {
    const { value, slowest } = await meanwhile(target, () =>
      tryInside(
        target,
        ['memory'],
        `n=$(perl -e '$|=1; my @a; for my $i (1..64) { my $s = "x" x (16*1024*1024); push @a, $s; print "$i\\n" }' 2>/dev/null | tail -n 1)
[ "\${n:-0}" -ge 1 ] && [ "$n" -lt 64 ] && said memory held "ended after $n of 64 pieces" || said memory open "\${n:-0} of 64 pieces taken"`,
        { backend_options: { airlock: { memory: '128Mi' } } },
      ),
    );
    return all([...endedFor(value, 'memory', /more memory than/), slowest]);
  },
};

const diskFill: Drill = {
  id: 'disk-fill',
  controls: ['B18'],
  attacker: 'committer',
  attack: 'writes a file beyond the largest that is allowed, and fills /tmp of a step of 128 MiB',
  async run(target) {
    const { value, slowest } = await meanwhile(target, () =>
      tryInside(
        target,
        ['large-file', 'tmp'],
        // A hole costs no disk where there is no limit, and is as long as any other file where there is one.
        `try large-file bash -c 'truncate -s 9G hole && stat -c %s hole'; rm -f hole
n=$(head -c 600M /dev/zero > /tmp/fill 2>/dev/null; stat -c %s /tmp/fill); rm -f /tmp/fill
[ "\${n:-0}" -lt 600000000 ] && said tmp held "$n bytes fit" || said tmp open "$n bytes"`,
        { backend_options: { airlock: { memory: '128Mi' } } },
      ),
    );
    return all([...endedFor(value, 'tmp', /more memory than|filled the workspace/), slowest]);
  },
};

const crossBuildRead: Drill = {
  id: 'cross-build-read',
  controls: ['B17', 'B20'],
  attacker: 'committer',
  attack: 'looks in one build for what another left, and for the runner’s own directories',
  async run(target) {
    const marker = `drill-${randomBytes(12).toString('hex')}`;
    const left = await tryInside(
      target,
      ['left'],
      `for d in . .. /tmp /var/tmp /dev/shm "$HOME" /run; do echo ${marker} > "$d/${marker}" 2>/dev/null; done; [ -e ./${marker} ] && said left held 'a mark is left'`,
    );
    const found = await tryInside(
      target,
      ['marks', 'runner-work', 'pair', 'processes', 'pid-1'],
      [
        // A name in two pieces, so that the script does not find itself.
        `m=${marker.slice(0, 12)}; m=$m${marker.slice(12)}`,
        `f=$(find / -xdev -name "$m" 2>/dev/null; find . .. /tmp /var/tmp /dev/shm "$HOME" /run -name "$m" 2>/dev/null); [ -z "$f" ] && said marks held 'none found' || said marks open "$f"`,
        `try runner-work ls ${shell(target.runnerWork)}`,
        `try pair ls ${shell(target.directory)}/keys`,
        // In brackets, so that grep does not find its own arguments.
        `p=$(cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' ' ' | grep -c '[r]unner.yaml\\|[n]onprod-web'); [ "$p" = 0 ] && said processes held 'none of the services is seen' || said processes open "$p seen"`,
        `try pid-1 bash -c 'tr "\\0" "\\n" < /proc/1/environ | grep -i "airlock_demo\\|password\\|node_compile"'`,
      ].join('\n'),
    );
    return all([...left.ways, ...found.ways]);
  },
};

const dockerSock: Drill = {
  id: 'docker-sock',
  controls: ['B22', 'B23'],
  attacker: 'committer',
  attack:
    'looks for the sockets of docker, podman, systemd and D-Bus, and asks for one as a volume',
  async run(target) {
    const sockets = [
      '/var/run/docker.sock',
      '/run/containerd/containerd.sock',
      '/run/podman/podman.sock',
      '/run/systemd/private',
      '/run/dbus/system_bus_socket',
    ];
    const { ways } = await tryInside(
      target,
      [...sockets, 'setuid', 'capabilities', 'mount'],
      [
        ...sockets.map((path) => `try ${path} test -e ${path}`),
        `try setuid bash -c 'cp /bin/bash ./b && chmod u+s ./b && chown 0 ./b && ./b -p -c "mount -t tmpfs none /mnt"'`,
        `c=$(sed -n 's/^CapEff:[[:space:]]*//p' /proc/self/status); [ "$c" = 0000000000000000 ] && said capabilities held none || said capabilities open "$c"`,
        'try mount mount -t tmpfs none /mnt',
      ].join('\n'),
    );
    const step = pipelineOf({ volumes: ['/var/run/docker.sock:/var/run/docker.sock'] });
    const commit = await push(target, { files: { '.woodpecker.yaml': step } });
    const run = await runOf(target, commit);
    const said = reasonsOf(run);
    const held = run.state === 'failed' && run.jobs.length === 0 && said.includes('volumes');
    return all([...ways, { way: 'volumes:', held, answer: said.slice(0, 160) }]);
  },
};

const shell = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;

/** A step that was ended for the limit that it went over has held as well as one that was refused. */
function endedFor(
  {
    ways,
    run,
  }: { readonly ways: readonly Way[]; readonly run: { jobs: { reason: string | null }[] } },
  way: string,
  reason: RegExp,
): Way[] {
  const said = run.jobs.map((job) => job.reason ?? '').find((text) => reason.test(text));
  return ways.map((each) =>
    each.way === way && said !== undefined ? { way, held: true, answer: said.slice(0, 100) } : each,
  );
}

/** The service has to answer all the while. */
const answersWithinMs = 10_000;

async function meanwhile<T>(
  target: DrillTarget,
  work: () => Promise<T>,
): Promise<{ value: T; slowest: Way }> {
  const looking = new AbortController();
  let slowest = 0;
  let asked = 0;
  const look = (async () => {
    while (!looking.signal.aborted) {
      const from = performance.now();
      await knock(target.nonprod, { path: '/livez' });
      slowest = Math.max(slowest, performance.now() - from);
      asked += 1;
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  })();
  try {
    const value = await work();
    const held = asked > 0 && slowest < answersWithinMs;
    const answer = `${asked} answers, the slowest in ${Math.round(slowest)} ms`;
    return { value, slowest: { way: 'the service meanwhile', held, answer } };
  } finally {
    looking.abort();
    await look;
  }
}

export const sandboxDrills: readonly Drill[] = [
  egress,
  metadataAddress,
  forkbomb,
  memoryHog,
  diskFill,
  crossBuildRead,
  dockerSock,
];
