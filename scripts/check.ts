/** `npm run check`: everything a machine can settle, two at a time, each with its time. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { generatePrismaClients } from './prisma-generate.ts';

const root = join(import.meta.dirname, '..');
const bin = (path: string): string => join(root, 'node_modules', path);

const checks: readonly (readonly [name: string, ...command: string[]])[] = [
  // The longest first: the others run beside it.
  [
    'lint',
    bin('eslint/bin/eslint.js'),
    '--cache',
    '--cache-location',
    'node_modules/.cache/eslint/',
    '.',
  ],
  ['types', bin('typescript/bin/tsc'), '-b'],
  ['format', bin('prettier/bin/prettier.cjs'), '--check', '--log-level', 'warn', '--cache', '.'],
  [
    'imports',
    bin('dependency-cruiser/bin/dependency-cruise.mjs'),
    '--config',
    '.dependency-cruiser.mjs',
    '--output-type',
    'err',
    'packages',
    'services',
    'deploy',
  ],
  ['unused', bin('knip/bin/knip.js'), '--no-progress'],
  [
    'controls',
    '--conditions=source',
    '--import',
    join(root, 'scripts/tsx-hooks.mjs'),
    '--disable-warning=ExperimentalWarning',
    join(root, 'tests/controls/main.ts'),
  ],
];

async function run([name, ...command]: readonly [string, ...string[]]): Promise<boolean> {
  const started = performance.now();
  const child = spawn(process.execPath, command, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve));
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  console.log(`${code === 0 ? '✓' : '✗'} ${name.padEnd(8)} ${seconds} s`);
  if (code !== 0) console.log(output.trimEnd());
  return code === 0;
}

await generatePrismaClients();
const results: boolean[] = [];
const queue = [...checks];
const worker = async (): Promise<void> => {
  for (let check = queue.shift(); check !== undefined; check = queue.shift())
    results.push(await run(check));
};
await Promise.all([worker(), worker()]);
process.exitCode = results.every(Boolean) ? 0 : 1;
