/**
 * `airlock-runner join URL --token-file FILE --to DIRECTORY`: makes this machine a runner and writes what the agent is started
 * with. Exit codes: 0 joined, 1 refused or not reached, 2 called wrongly.
 */
import { randomUUID, generateKeyPairSync } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join as path, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { AirlockError } from '@airlock/common/errors';
import { joinToken } from '@airlock/common/wire/runner-enrolment';
import { replaceFile, writeIdentity } from '../edge/identity.ts';
import { join, type Joined } from '../edge/join.ts';

const usage = 'usage: airlock-runner join https://HOST:PORT --token-file FILE [--to DIRECTORY]';
const stopping = new AbortController();
process.on('SIGINT', () => {
  stopping.abort();
});
process.on('SIGTERM', () => {
  stopping.abort();
});

process.exitCode = await main();

async function main(): Promise<number> {
  const asked = readArguments();
  if (typeof asked === 'string') {
    process.stderr.write(`airlock-runner: ${asked}\n`);
    return 2;
  }
  try {
    const joined = await join({
      ...{ url: asked.url, ...asked.token, signal: stopping.signal },
      onWaiting: ({ runner, pool, keyFingerprint }) => {
        process.stdout.write(
          `${runner} waits for somebody of the platform role to accept it for the pool ${pool}, on the page /runners/new or with: airlock runner accept\nCompare the key's fingerprint: ${keyFingerprint}\n`,
        );
      },
    });
    process.stdout.write(writeRunner(joined, asked.directory));
    return 0;
  } catch (error) {
    if (!(error instanceof AirlockError) && !stopping.signal.aborted) throw error;
    const why = error instanceof AirlockError ? error.message : 'stopped';
    process.stderr.write(`airlock-runner: ${why}\n`);
    return 1;
  }
}

function readArguments():
  string | { url: string; token: { secret: string; serverKey: string }; directory: string } {
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: { 'token-file': { type: 'string' }, to: { type: 'string' } },
    });
    const [url] = positionals;
    const tokenFile = values['token-file'];
    if (positionals.length !== 1 || url === undefined || tokenFile === undefined) return usage;
    if (!/^https:\/\/[^/]+\/?$/.test(url)) return `${url} is no https://HOST:PORT; ${usage}`;
    const token = joinToken.parse(readFileSync(tokenFile, 'utf8').trim());
    if (token === null) return `${tokenFile} holds no token; airlock runner token prints one`;
    return { url, token, directory: resolve(values.to ?? '/etc/airlock-runner') };
  } catch (cause) {
    return `${cause instanceof Error ? cause.message : String(cause)}; ${usage}`;
  }
}

/** @returns what to do next. */
function writeRunner(joined: Joined, directory: string): string {
  const { runner, pool, kind } = joined;
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const at = (name: string): string => path(directory, name);
  replaceFile(at('ca.pem'), joined.issued.caPem, 0o644);
  writeIdentity(at('identity.pem'), joined.keyPem, joined.issued.chainPem);
  const lines = [`${runner} is a runner of the pool ${pool}; what it is lies in ${directory}`];
  if (!existsSync(at('attestation.key'))) {
    const { publicKey, privateKey } = generateKeyPairSync('ed25519');
    const pem = privateKey.export({ type: 'pkcs8', format: 'pem' });
    writeFileSync(at('attestation.key'), pem, { mode: 0o600 });
    lines.push(
      'It has a new key for what it signs about builds. Nothing that it builds is signed until the runnersFile of the signer names this key:',
      publicKey.export({ type: 'spki', format: 'pem' }).toString().trimEnd(),
    );
  }
  if (!existsSync(at('runner.yaml'))) {
    const config = [
      'controlPlane:',
      `  url: ${joined.url}`,
      `  caFile: ${at('ca.pem')}`,
      `  identityFile: ${at('identity.pem')}`,
      `pool: ${pool}`,
      `workDirectory: /var/lib/airlock-runner/${randomUUID()}`,
      '# Every image is this machine; docs/operations/isolation.md says how to have others.',
      "images: [{ image: '**', root: host }]",
      'attestation:',
      `  runner: ${runner}`,
      `  keyFile: ${at('attestation.key')}`,
      '# Of all builds together in a day, whatever nonprod asks for: a working day. 1440 bounds nothing.',
      'budget: { minutes: 480 }',
    ];
    writeFileSync(at('runner.yaml'), `${config.join('\n')}\n`, { mode: 0o600 });
  }
  const once = kind === 'once' ? ' --once' : '';
  lines.push(`Start it: airlock-runner agent --config ${at('runner.yaml')}${once}`);
  return `${lines.join('\n')}\n`;
}
