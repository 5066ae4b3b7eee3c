/**
 * `main.ts --port N --root-token-file F [--admin-port N] [--audit-file F] [--profile NAME]`: runs the stand-in until SIGTERM. The
 * root token's file is read, or made with a new token. With an admin port, time can be moved on and faults injected over HTTP.
 */
import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { createSteeredClock } from './clock.ts';
import { type ProfileName, profiles } from './profile.ts';
import { startVaultDouble } from './server.ts';

const { values } = parseArgs({
  options: {
    port: { type: 'string' },
    'root-token-file': { type: 'string' },
    'admin-port': { type: 'string' },
    'audit-file': { type: 'string' },
    profile: { type: 'string', default: 'openbao-2.6' },
  },
});
const port = Number(values.port);
const adminPort = values['admin-port'] === undefined ? undefined : Number(values['admin-port']);
const file = values['root-token-file'];
const { profile, 'audit-file': audit } = values;
const isPort = (value: number) => Number.isInteger(value) && value >= 0 && value <= 65_535;
if (file === undefined || !isPort(port) || !isPort(adminPort ?? 0) || !isProfile(profile)) {
  process.stderr.write(
    `usage: main.ts --port 0-65535 --root-token-file FILE [--admin-port 0-65535] [--audit-file FILE] [--profile ${Object.keys(profiles).join('|')}]\n`,
  );
  process.exit(78);
}

const double = await startVaultDouble({
  host: '127.0.0.1',
  port,
  rootToken: readOrMakeToken(file),
  profile,
  ...(audit === undefined ? {} : { audit }),
  ...(adminPort === undefined ? {} : { adminPort, clock: createSteeredClock() }),
});
process.stdout.write(
  `${JSON.stringify({ 'event.action': 'process.ready', 'service.name': 'vault-double', listen: double.address, admin: double.adminAddress })}\n`,
);
for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  process.once(signal, () => {
    void double.stop().finally(() => process.exit(0));
  });
}

function readOrMakeToken(path: string): string {
  if (!existsSync(path)) {
    writeFileSync(path, `s.${randomBytes(12).toString('hex')}\n`, { mode: 0o600, flag: 'wx' });
  }
  return readFileSync(path, 'utf8').trim();
}

function isProfile(name: string): name is ProfileName {
  return name in profiles;
}
