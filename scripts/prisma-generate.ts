/** Generates both Prisma clients when their schema changed; needs no network and no engine. */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..');

interface Client {
  readonly schema: string;
  readonly config: string;
  readonly output: string;
}

const clients: readonly Client[] = [
  {
    schema: 'prisma/nonprod/schema.prisma',
    config: 'prisma/nonprod/prisma.config.ts',
    output: 'services/nonprod/src/generated/prisma',
  },
  {
    schema: 'prisma/prod-gate/schema.prisma',
    config: 'prisma/prod-gate/prisma.config.ts',
    output: 'services/prod-gate/src/generated/prisma',
  },
];

/** Generates what is missing or older than its schema, both at once. Throws with Prisma's own words when it fails. */
export async function generatePrismaClients(): Promise<void> {
  await Promise.all(clients.map(generate));
}

async function generate(client: Client): Promise<void> {
  const wanted = createHash('sha256')
    .update(readFileSync(join(root, client.schema)))
    .digest('hex');
  const stamp = join(root, client.output, '.schema-sha256');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return;
  const child = spawn(
    process.execPath,
    [
      join(root, 'node_modules/prisma/build/index.js'),
      'generate',
      '--config',
      join(root, client.config),
    ],
    {
      cwd: root,
      // Generating needs no engine. /bin/false, not /bin/true: should anything call it after all, it fails loudly.
      env: { ...process.env, PRISMA_SCHEMA_ENGINE_BINARY: '/bin/false', CHECKPOINT_DISABLE: '1' },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve));
  if (code !== 0) throw new Error(`prisma generate failed for ${client.schema}:\n${output}`);
  writeFileSync(stamp, wanted);
}

if (import.meta.main) await generatePrismaClients();
