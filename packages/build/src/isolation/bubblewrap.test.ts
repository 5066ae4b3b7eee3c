import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { parseEgressEntry } from '@airlock/sandbox/egress/policy';
import type { EgressCounts, EgressDecision } from '@airlock/sandbox/egress/proxy';
import type { SandboxResult } from '@airlock/sandbox/bubblewrap';
import { probeSandbox } from '@airlock/sandbox/probe';
import { bubblewrapIsolation } from './bubblewrap.ts';
import type { Isolation } from './isolation.ts';
import { defaultLimits, type BuildLimits } from './limits.ts';

const probe = await probeSandbox();
const missing = probe.available ? null : `${probe.reason}; ${probe.remedy}`;
if (missing !== null && process.env['CI'] === 'true') assert.fail(missing);

const node = realpathSync(process.execPath);
const directory = join(process.cwd(), '.test');
let workspace: string;

async function run(
  isolation: Pick<Isolation, 'run'>,
  command: string,
  options: { egress?: boolean; memoryBytes?: number } = {},
): Promise<SandboxResult & { output: string }> {
  let output = '';
  const result = await isolation.run({
    command: ['/bin/sh', '-c', command],
    env: {},
    workspace,
    writable: true,
    wallSeconds: 60,
    signal: new AbortController().signal,
    egress: options.egress ?? false,
    limits: { cpus: null, memoryBytes: options.memoryBytes ?? null },
    onOutput: (_, chunk) => {
      output += chunk.toString();
    },
  });
  return { ...result, output };
}

describe('builds in bubblewrap', { skip: missing ?? false }, () => {
  before(() => {
    mkdirSync(directory, { recursive: true });
    workspace = mkdtempSync(join(directory, 'isolation-'));
  });
  after(() => {
    rmSync(workspace, { recursive: true });
  });

  describe('the way out', () => {
    const server = createServer((socket) => {
      socket.end('from outside\n');
    });
    const decisions: EgressDecision[] = [];
    const carried: EgressCounts[] = [];
    const sent: string[] = [];
    let isolation: Isolation;
    let port: number;
    before(async () => {
      await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
      // A server that listens on TCP has a port.
      port = (server.address() as AddressInfo).port;
      const entry = parseEgressEntry(`127.0.0.1:${port}`);
      assert.ok(entry !== null);
      const onDecision = (decision: EgressDecision): void => void decisions.push(decision);
      const onCarried = (counts: Readonly<EgressCounts>): void => void carried.push({ ...counts });
      const mirrors = { npm: `http://127.0.0.1:${port}/npm/`, go: `http://127.0.0.1:${port}/go` };
      const onSent = ({ host }: { readonly host: string }) => ({
        see: (bytes: Uint8Array) => void sent.push(`${host} ${Buffer.from(bytes).toString()}`),
        end: () => undefined,
      });
      const egress = { allow: [entry], mirrors, nodeBinary: node, onDecision, onCarried, onSent };
      isolation = bubblewrapIsolation({ nodeBinary: node, egress });
    });
    after(() => {
      server.close();
    });
    const through = (target: string): string =>
      `node -e '
        const proxy = new URL(process.env.https_proxy);
        const request = require("http").request({ host: proxy.hostname, port: proxy.port, method: "CONNECT", path: "${target}" });
        request.on("connect", (answer, socket, head) => { console.log(answer.statusCode, String(head)); socket.pipe(process.stdout); });
        request.end()'`;

    test('leads to what the list allows, and is told once', async () => {
      const { output, enforced } = await run(isolation, through(`127.0.0.1:${port}`), {
        egress: true,
      });
      assert.match(output, /^200 (?:from outside)?\n(?:from outside\n)?/);
      assert.match(output, /from outside/);
      assert.match(output, /egress: 1 connections allowed, 0 refused, \d+ bytes in/);
      assert.ok(enforced.includes('egress-allow-list') && !enforced.includes('no-network'));
      const [counts] = carried.splice(0);
      assert.deepEqual([counts?.allowed, counts?.refused], [1, 0]);
      assert.equal(counts?.bytesIn, 'from outside\n'.length);
      assert.deepEqual(decisions.splice(0), [
        { host: '127.0.0.1', port, allowed: true, reason: null },
      ]);
    });

    test('leads nowhere else, and the log of the build says where it was refused and whom to ask', async () => {
      const { output } = await run(isolation, through('evil.example:443'), { egress: true });
      assert.match(output, /^egress to evil\.example:443 is not in this pool's list; ask/m);
      assert.equal(decisions.splice(0)[0]?.reason, 'not-listed');
    });

    test('shows whoever watches what a build says and sends on it', async () => {
      sent.splice(0);
      const script = `node -e '
        const proxy = new URL(process.env.https_proxy);
        const at = { host: proxy.hostname, port: proxy.port, method: "POST", path: "http://127.0.0.1:${port}/" };
        const request = require("http").request(at);
        request.on("error", () => {}); request.end("taken along")'; ${through('taken.evil.example:443')}`;
      await run(isolation, script, { egress: true });
      decisions.splice(0);
      const shown = sent.join('\n');
      assert.match(shown, /^127\.0\.0\.1 POST http:/m);
      assert.match(shown, /^127\.0\.0\.1 taken along$/m);
      assert.match(shown, /^taken\.evil\.example CONNECT taken/m);
    });

    test('is the only one: what is listed cannot be reached past it', async () => {
      const direct = `node -e 'require("net").connect(${port}, "127.0.0.1").on("error", (e) => console.log(e.code)).on("data", console.log)'`;
      const { output } = await run(isolation, direct, { egress: true });
      assert.equal(output, 'ECONNREFUSED\n');
    });

    test('tells package managers of the mirrors that the pool has, and of no others', async () => {
      const told =
        'echo "[$npm_config_registry] [$YARN_NPM_REGISTRY_SERVER] [$GOPROXY] [$PIP_INDEX_URL]"';
      const { output } = await run(isolation, told, { egress: true });
      const [npm, go] = ['npm/', 'go'].map((path) => `http://127.0.0.1:${port}/${path}`);
      assert.equal(output, `[${npm}] [${npm}] [${go}] []\n`);
      assert.equal((await run(isolation, told)).output, '[] [] [] []\n');
    });

    test('is not there for a command that shall not have it', async () => {
      const { output, enforced } = await run(isolation, 'echo "[$https_proxy]"');
      assert.equal(output, '[]\n');
      assert.ok(enforced.includes('no-network'));
    });

    test('is one for all commands of a network', async () => {
      const network = await isolation.openNetwork(['db']);
      try {
        const script = `echo "$no_proxy"; ${through(`127.0.0.1:${port}`)}`;
        const { output } = await run(network, script, { egress: true });
        assert.match(output, /^localhost,127\.0\.0\.1,db\n200 /);
      } finally {
        await network.close();
      }
    });
  });

  describe('the limits', () => {
    const limited = (limits: Partial<BuildLimits>): Isolation =>
      bubblewrapIsolation({ nodeBinary: null, limits: { ...defaultLimits, ...limits } });

    test('one large file ends the step, and its log says why and where to raise it', async () => {
      const { outcome, exceeded, output } = await run(
        limited({ workspaceBytes: 32 * 1024 ** 2 }),
        'head -c 200000000 /dev/zero > large; sleep 20; echo survived',
      );
      assert.deepEqual([outcome, exceeded], ['signalled', ['disk']]);
      assert.match(output, /this step filled the workspace beyond 32 MiB .*limits\.workspaceBytes/);
      assert.doesNotMatch(output, /survived/);
      rmSync(join(workspace, 'large'));
    });

    test('so do many small files', async () => {
      const { outcome, exceeded, output } = await run(
        limited({ workspaceFiles: 2000 }),
        'mkdir many; cd many; perl -e \'for (1..20000) { open(my $f, ">", $_) } sleep 20; print "survived"\'',
      );
      assert.deepEqual([outcome, exceeded], ['signalled', ['disk']]);
      assert.doesNotMatch(output, /survived/);
      rmSync(join(workspace, 'many'), { recursive: true });
    });

    test('memory beyond what the step asked for ends it, and its log says so', async () => {
      const { exitCode, output, exceeded } = await run(
        limited({}),
        `perl -e '$x .= "x" x 1048576 for 1..400'`,
        { memoryBytes: 64 * 1024 ** 2 },
      );
      assert.notEqual(exitCode, 0);
      assert.deepEqual(exceeded, ['memory']);
      assert.match(output, /this step needed more memory than the 64 MiB/);
    });

    test('a step cannot ask for more than the builder has', async () => {
      const { exceeded } = await run(
        limited({ memoryBytes: 64 * 1024 ** 2 }),
        `perl -e '$x .= "x" x 1048576 for 1..400'`,
        { memoryBytes: 8 * 1024 ** 3 },
      );
      assert.deepEqual(exceeded, ['memory']);
    });
  });
});
