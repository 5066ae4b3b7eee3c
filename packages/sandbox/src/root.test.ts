import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { runSandboxed } from './bubblewrap.ts';
import { probeSandbox } from './probe.ts';

const probe = await probeSandbox();
const missing = probe.available ? null : `${probe.reason}; ${probe.remedy}`;
if (missing !== null && process.env['CI'] === 'true') assert.fail(missing);

describe('another root', { skip: missing === null ? false : `NOT TESTED: ${missing}` }, () => {
  let directory: string;
  let root: string;

  before(() => {
    mkdirSync('.test', { recursive: true });
    directory = mkdtempSync(join(process.cwd(), '.test', 'root-'));
    root = join(directory, 'root');
    const put = (from: string, to: string): void => {
      mkdirSync(dirname(join(root, to)), { recursive: true });
      copyFileSync(from, join(root, to));
    };
    for (const program of ['sh', 'cat', 'ls', 'touch']) {
      const real = execFileSync('readlink', ['-f', `/bin/${program}`], { encoding: 'utf8' }).trim();
      put(real, `usr/bin/${program}`);
      const libraries = execFileSync('ldd', [real], { encoding: 'utf8' });
      for (const [path] of libraries.matchAll(/\/[^ ]+/g)) put(path, path);
    }
    symlinkSync('usr/bin', join(root, 'bin'));
    put('/dev/null', 'etc/hosts');
    writeFileSync(join(root, 'etc/os-release'), 'ID=another\n');
    writeFileSync(join(root, 'etc/shadow-of-root'), 'not overlaid');
    mkdirSync(join(root, 'run/secret'), { recursive: true });
  });
  after(() => {
    rmSync(directory, { recursive: true });
  });

  async function run(script: string): Promise<{ stdout: string; enforced: string[] }> {
    let stdout = '';
    const result = await runSandboxed({
      command: ['/bin/sh', '-c', script],
      env: { PATH: '/usr/bin' },
      root: { directory: root },
      binds: [],
      files: [{ target: '/run/note', content: Buffer.from('note') }],
      workingDirectory: '/tmp',
      hostname: 'build',
      limits: { wallSeconds: 20, fileBytes: 4096, processes: 8, openFiles: 64 },
      onOutput: (_, chunk) => {
        stdout += chunk.toString();
      },
    });
    return { stdout, enforced: result.enforced };
  }

  test('shows the programs and files of that root and none of this machine', async () => {
    const { stdout } = await run('cat /etc/os-release; ls /usr/bin; ls -d /usr/lib/node_modules');
    assert.match(stdout, /^ID=another\ncat\nls\nsh\ntouch\nls: cannot access/);
  });

  test('is laid over by the files of the sandbox where it has such a file, and elsewhere as it is', async () => {
    const { stdout } = await run('cat /etc/hosts /run/note; ls /etc/passwd /run');
    assert.match(stdout, /^127\.0\.0\.1 localhost build\n::1 localhost\nnote/);
    assert.match(stdout, /cannot access '\/etc\/passwd'/);
    assert.doesNotMatch(stdout, /secret/);
  });

  test('cannot be written', async () => {
    const { stdout } = await run('for d in / /usr/bin /etc; do touch $d/x && echo wrote $d; done');
    assert.doesNotMatch(stdout, /wrote/);
  });

  test('is held by the same limits, without this machine’s prlimit inside', async () => {
    const { stdout, enforced } = await run(
      'ulimit -c; ulimit -n; for i in 1 2 3 4 5 6 7 8 9; do (while :; do :; done) & done; echo all',
    );
    assert.match(stdout, /^0\n64\n/);
    assert.match(stdout, /fork/i);
    assert.doesNotMatch(stdout, /all/);
    assert.ok(enforced.includes('processes'));
  });
});
