/**
 * Observe hook: asks the shop which artifacts it serves, at the page that it shows to anybody.
 *
 * Runs in the gate's sandbox between deliveries, under the hook contract, without any credential. What it was told to be live
 * it does not look at: an answer that repeats the question sees nothing.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { get } from 'node:http';
import { join } from 'node:path';

const mostBytes = 16 * 1024;

function environment(name: string): string {
  const value = process.env[name];
  if (value === undefined || value === '')
    throw new Error(`${name} is not set: this hook runs under the gate only`);
  return value;
}

/** A member of the JSON object in the file that a variable names; null where there is none. */
function member(variable: string, name: string): unknown {
  const value: unknown = JSON.parse(readFileSync(environment(variable), 'utf8'));
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : null;
}

function socketOfShop(): string {
  const shop = member('AIRLOCK_EGRESS', 'shop');
  const socket: unknown =
    typeof shop === 'object' && shop !== null ? Reflect.get(shop, 'socket') : null;
  if (typeof socket !== 'string') {
    throw new Error('there is no egress shop; name it in deliver.egress of the target file');
  }
  return socket;
}

function page(socketPath: string, path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const asking = get(
      { socketPath, path, headers: { Host: 'shop' }, timeout: 10_000 },
      (answer) => {
        let text = '';
        answer.setEncoding('utf8');
        answer.on('data', (chunk: string) => {
          text += chunk;
          if (text.length > mostBytes) asking.destroy(new Error('the shop’s answer is too long'));
        });
        answer.on('error', reject);
        answer.on('end', () => {
          if (answer.statusCode === 200) resolve(text);
          else
            reject(new Error(`the shop answered ${answer.statusCode ?? 0}: ${text.slice(0, 200)}`));
        });
      },
    );
    asking.on('timeout', () => {
      asking.destroy(new Error('the shop did not answer within 10 s'));
    });
    asking.on('error', reject);
  });
}

async function main(): Promise<void> {
  const path = member('AIRLOCK_PARAMS', 'path') ?? '/version';
  if (typeof path !== 'string' || !path.startsWith('/')) {
    throw new Error('params.path: a path that begins with / expected');
  }
  const answer: unknown = JSON.parse(await page(socketOfShop(), path));
  const artifacts: unknown =
    typeof answer === 'object' && answer !== null ? Reflect.get(answer, 'artifacts') : null;
  if (!Array.isArray(artifacts)) throw new Error('the shop’s answer lists no artifacts');
  writeFileSync(
    join(environment('AIRLOCK_OUT'), 'result.json'),
    JSON.stringify({ running: artifacts }),
  );
}

main().catch((error: unknown) => {
  process.stderr.write(`what-runs: ${error instanceof Error ? error.message : 'failed'}\n`);
  process.exitCode = 1;
});
