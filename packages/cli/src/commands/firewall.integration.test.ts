/** The rules as the kernel takes them: loaded in namespaces of their own, and asked by connections from inside and outside. */
import assert from 'node:assert/strict';
import { execFile, execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { promisify } from 'node:util';
import { findBinary, installCommand, nftables } from '@airlock/testkit/system-packages';
import { Command } from 'commander';
import { registerFirewall } from './firewall.ts';

const run = promisify(execFile);
const nft = findBinary(nftables);
const skip = nft === null && process.env['CI'] === undefined ? installCommand(nftables) : false;
const samples = join(import.meta.dirname, '../../../../deploy/examples/config');
const directory = mkdtempSync(join(tmpdir(), 'airlock-firewall-'));
after(() => {
  rmSync(directory, { recursive: true });
});

async function firewallOf(installation: string): Promise<string> {
  const lines: string[] = [];
  const program = new Command().exitOverride();
  registerFirewall(program, (printed) => lines.push(...printed));
  await program.parseAsync(['firewall', '--installation', installation], { from: 'user' });
  return `${lines.join('\n')}\n`;
}

for (const host of ['nonprod', 'gate', 'hook-relay', 'runner']) {
  test(
    `B12: nft takes the rules of the sample host ${host}, also a second time`,
    { skip },
    async () => {
      const file = join(directory, `${host}.nft`);
      writeFileSync(file, await firewallOf(join(samples, host)));
      execFileSync('unshare', [
        '-r',
        '-n',
        'sh',
        '-c',
        'nft -c -f "$0" && nft -f "$0" && nft -f "$0"',
        file,
      ]);
    },
  );
}

/** Says of each source address and port whether somebody there answers. */
const asks = `
const { connect } = require('node:net');
const [host, ...asked] = process.argv.slice(1);
Promise.all(asked.map((each) => new Promise((done) => {
  const [localAddress, port] = each.split(' ');
  const socket = connect({ host, port: Number(port), localAddress });
  const end = (what) => { socket.destroy(); done([each, what]); };
  socket.setTimeout(700, () => end('nobody'));
  socket.on('connect', () => end('open')).on('error', (error) => end(error.code));
}))).then((all) => console.log(JSON.stringify(Object.fromEntries(all))));
`;
const listens = `
const { createServer } = require('node:net');
for (const port of [443, 8443, 22]) createServer().listen(port, '0.0.0.0');
setTimeout(() => process.exit(), 20000);
`;

test(
  'B12: from another network than allowFrom names nobody reaches the port, and ports of others are left alone',
  { skip },
  async () => {
    const installation = join(directory, 'host');
    execFileSync('mkdir', [installation]);
    writeFileSync(
      join(installation, 'nonprod-web.yaml'),
      JSON.stringify({
        listen: { host: '10.1.0.5', port: 443 },
        runnerApi: { host: '10.1.0.5', port: 8443, allowFrom: ['10.1.0.64/28', '2001:db8::/32'] },
        figures: { port: 9464 },
        database: { host: '10.1.0.20', port: 5432 },
      }),
    );
    const rules = await firewallOf(installation);
    assert.match(
      rules,
      /^# Everybody may connect: nonprod-web listen, 10\.1\.0\.5 port 443; listen\.allowFrom/m,
    );
    assert.doesNotMatch(rules, /5432|9464/);
    writeFileSync(join(directory, 'host.nft'), rules);
    const script = `
    set -e
    ip link set lo up
    unshare -n sleep 20 & other=$!
    until [ "$(readlink /proc/$other/ns/net)" != "$(readlink /proc/self/ns/net)" ]; do sleep 0.05; done
    ip link add inside type veth peer name outside netns $other
    ip addr add 10.1.0.5/24 dev inside; ip link set inside up
    nsenter -t $other -n sh -c 'ip addr add 10.1.0.70/24 dev outside; ip addr add 10.1.0.9/24 dev outside; ip link set outside up'
    "$NODE" -e "$LISTENS" & listener=$!
    ask() { nsenter -t $other -n "$NODE" -e "$ASKS" 10.1.0.5 '10.1.0.70 8443' '10.1.0.9 8443' '10.1.0.9 443' '10.1.0.9 22'; }
    until ask | grep -q '"10.1.0.9 8443":"open"'; do sleep 0.1; done
    nft -f "$RULES"
    ask
    kill $listener $other`;
    const { stdout } = await run('unshare', ['-r', '-n', 'sh', '-c', script], {
      timeout: 30_000,
      env: {
        ...{ PATH: process.env['PATH'], NODE: process.execPath, ASKS: asks, LISTENS: listens },
        RULES: join(directory, 'host.nft'),
      },
    });
    assert.deepEqual(JSON.parse(stdout), {
      '10.1.0.70 8443': 'open',
      '10.1.0.9 8443': 'nobody',
      '10.1.0.9 443': 'open',
      '10.1.0.9 22': 'open',
    });
  },
);
