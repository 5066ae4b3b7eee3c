/** A real S3 server on loopback for the tests: versitygw (Apache-2.0), installed by Go's own tooling and kept in the cache. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { accessSync, constants, mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { createS3Client } from '../s3-client.ts';
import { S3Settings } from '../settings.ts';

/** The Go module proxy and its checksum database pin what this version is. */
const version = 'v1.8.0';
const module = `github.com/versity/versitygw/cmd/versitygw@${version}`;
const cache = fileURLToPath(
  new URL(`../../../../node_modules/.cache/airlock/versitygw-${version}`, import.meta.url),
);
const installWithinMs = 300_000;
const startWithinMs = 15_000;

export type TestS3 = {
  /** Where the objects of a bucket lie as files, to be damaged by a test. */
  readonly objects: (bucket: string) => string;
  /** Makes a bucket and the settings to use it. */
  readonly newBucket: (options?: { lock: boolean }) => Promise<S3Settings>;
  readonly stop: () => Promise<void>;
};

/** @returns the path of versitygw, or in words why there is none. */
export async function findS3Server(): Promise<{ path: string } | { missing: string }> {
  const path = join(cache, 'versitygw');
  if (isExecutable(path)) return { path };
  const go = findGo();
  if (go === null) return { missing: 'there is no Go to install versitygw with (golang-go)' };
  mkdirSync(cache, { recursive: true });
  try {
    await promisify(execFile)(go, ['install', module], {
      env: { ...process.env, GOBIN: cache, CGO_ENABLED: '0' },
      timeout: installWithinMs,
    });
    return { path };
  } catch (cause) {
    const words = cause instanceof Error ? cause.message.split('\n').slice(0, 3).join(' / ') : '';
    return { missing: `go install ${module} failed: ${words}` };
  }
}

/** @param directory is made; objects and versions lie in it. */
export async function startS3(path: string, directory: string): Promise<TestS3> {
  const [data, versions] = [join(directory, 'data'), join(directory, 'versions')];
  mkdirSync(data, { recursive: true });
  mkdirSync(versions);
  const keys = { accessKeyId: 'airlock-test', secretAccessKey: randomBytes(16).toString('hex') };
  const credentialsFile = join(directory, 'credentials.json');
  writeFileSync(credentialsFile, JSON.stringify(keys), { mode: 0o600 });
  const port = await freePort();
  const child = spawn(
    path,
    ['--quiet', '--port', `127.0.0.1:${port}`, 'posix', '--versioning-dir', versions, data],
    {
      env: { ROOT_ACCESS_KEY: keys.accessKeyId, ROOT_SECRET_KEY: keys.secretAccessKey },
      stdio: 'ignore',
    },
  );
  let buckets = 0;
  const server: TestS3 = {
    objects: (bucket) => join(data, bucket),
    async newBucket(options = { lock: false }) {
      buckets += 1;
      const settings = S3Settings.parse({
        endpoint: `http://127.0.0.1:${port}`,
        region: 'us-east-1',
        bucket: `bucket-${buckets}`,
        credentialsFile,
        spoolDirectory: join(directory, `spool-${buckets}`),
        ...(options.lock ? { objectLock: { mode: 'COMPLIANCE', days: 1 } } : {}),
      });
      const client = createS3Client(settings);
      const headers: Record<string, string> = options.lock
        ? { 'x-amz-bucket-object-lock-enabled': 'true' }
        : {};
      const response = await client.send({ method: 'PUT', key: '', headers });
      if (response.statusCode !== 200) await client.refuse(response, 'the new bucket');
      response.resume();
      return settings;
    },
    async stop() {
      child.kill('SIGKILL');
      if (child.exitCode === null && child.signalCode === null) {
        await new Promise((resolve) => child.once('exit', resolve));
      }
    },
  };
  await answering(child, port);
  return server;
}

async function answering(child: ChildProcess, port: number): Promise<void> {
  const until = performance.now() + startWithinMs;
  for (;;) {
    const isUp = await fetch(`http://127.0.0.1:${port}/`).then(
      () => true,
      () => false,
    );
    if (isUp) return;
    if (child.exitCode !== null || performance.now() > until) {
      child.kill('SIGKILL');
      throw new Error(`versitygw did not start on port ${port} (exit ${child.exitCode ?? 'none'})`);
    }
    await sleep(50);
  }
}

function findGo(): string | null {
  const directories = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/local/go/bin'];
  return directories.map((directory) => join(directory, 'go')).find(isExecutable) ?? null;
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => {
        resolve(typeof address === 'object' && address !== null ? address.port : 0);
      });
    });
  });
}
