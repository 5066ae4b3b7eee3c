/**
 * Inside a network of sandboxes: what listens at 127.0.0.1:3128 there and carries bytes to the proxy's socket, for programs
 * that can be told of a proxy by address alone.
 */
import { runSandboxed, type SandboxNetwork } from '../bubblewrap.ts';
import { SandboxError } from '../errors.ts';

export const forwarderPort = 3128;

const socketInside = '/run/egress.sock';
const startMs = 10_000;

// It holds no rule: whatever a build does to it, what it reaches is the proxy.
const program = `
const net = require('node:net');
net.createServer({ allowHalfOpen: true }, (client) => {
  const proxy = net.connect({ path: '${socketInside}', allowHalfOpen: true });
  for (const [from, to] of [[client, proxy], [proxy, client]]) {
    from.on('error', () => to.destroy());
    from.pipe(to);
  }
}).listen(${forwarderPort}, '127.0.0.1', () => console.log('ready'));
`;

export type Forwarder = { close(): Promise<void> };

/**
 * Starts it in a network, and resolves once it listens.
 *
 * @param nodeBinary a Node binary of this machine, not a link.
 * @throws SandboxError `sandbox-setup-failed` when it does not listen within ten seconds.
 */
export async function startForwarder(options: {
  network: SandboxNetwork;
  socketPath: string;
  nodeBinary: string;
}): Promise<Forwarder> {
  const abort = new AbortController();
  let said = '';
  let listens: () => void;
  const listening = new Promise<void>((resolve) => (listens = resolve));
  const running = runSandboxed({
    command: ['/opt/node/bin/node', '-e', program],
    env: {},
    network: options.network,
    binds: [
      { source: options.nodeBinary, target: '/opt/node/bin/node' },
      { source: options.socketPath, target: socketInside },
    ],
    files: [],
    workingDirectory: '/tmp',
    hostname: 'egress',
    limits: { wallSeconds: 1_000_000, fileBytes: 1024, processes: 64, openFiles: 2048 },
    signal: abort.signal,
    onOutput: (_, chunk) => {
      said = (said + chunk.toString()).slice(-1000);
      if (said.includes('ready\n')) listens();
    },
  });
  const close = async (): Promise<void> => {
    abort.abort();
    await running;
  };
  const late = AbortSignal.timeout(startMs);
  const lateness = new Promise<'late'>((resolve) => {
    late.addEventListener('abort', () => {
      resolve('late');
    });
  });
  const first = await Promise.race([listening, lateness, running]);
  if (first === undefined) return { close };
  await close();
  throw new SandboxError(
    'sandbox-setup-failed',
    `the way to the egress proxy could not be set up: ${said.trim() || 'it did not listen in time'}`,
  );
}
