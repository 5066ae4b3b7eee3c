/** `main.ts --port N --root-token-file F`: runs the stand-in until SIGTERM. The file is read, or made with a new token. */
import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { startVaultDouble } from './server.ts';

const { values } = parseArgs({
  options: { port: { type: 'string' }, 'root-token-file': { type: 'string' } },
});
const port = Number(values.port);
const file = values['root-token-file'];
if (file === undefined || !Number.isInteger(port) || port < 0 || port > 65_535) {
  process.stderr.write('usage: main.ts --port 0-65535 --root-token-file FILE\n');
  process.exit(78);
}

const double = await startVaultDouble({
  host: '127.0.0.1',
  port,
  rootToken: readOrMakeToken(file),
});
process.stdout.write(
  `${JSON.stringify({ 'event.action': 'process.ready', 'service.name': 'vault-double', listen: double.address })}\n`,
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
