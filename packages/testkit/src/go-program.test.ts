/** How the integration stage comes by a program written in Go, with the real go command and a module proxy of files. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, after, before, test } from 'node:test';
import { crc32 } from 'node:zlib';
import { type GoProgram, obtainGoProgram } from './go-program.ts';

const program: GoProgram = {
  binary: 'hello',
  module: 'example.test/hello',
  version: 'v1.0.0',
  cacheName: 'hello-1.0.0',
  require: ['example.test/hello/part@v1.1.0'],
  linkerFlags: '-s -w',
};

let home: string;
let environment: NodeJS.ProcessEnv;
before(() => {
  home = mkdtempSync(join(tmpdir(), 'airlock-go-test-'));
  const proxy = join(home, 'proxy');
  publish(proxy, 'example.test/hello', 'v1.0.0', {
    'go.mod':
      'module example.test/hello\n\ngo 1.21\n\nrequire example.test/hello/part v1.0.0\n\nreplace example.test/hello/part => ./part\n',
    'main.go':
      'package main\n\nimport "example.test/hello/part"\n\nfunc main() { println(part.Word) }\n',
  });
  for (const [version, word] of [
    ['v1.0.0', 'too old'],
    ['v1.1.0', 'hello'],
  ] as const) {
    publish(proxy, 'example.test/hello/part', version, {
      'go.mod': 'module example.test/hello/part\n\ngo 1.21\n',
      'part.go': `package part\n\nconst Word = "${word}"\n`,
    });
  }
  environment = {
    ...process.env,
    XDG_CACHE_HOME: join(home, 'cache'),
    GOPROXY: `file://${proxy}`,
    // No checksum database has heard of example.test.
    GONOSUMDB: 'example.test/*',
    GOMODCACHE: join(home, 'modules'),
  };
});
after(() => {
  // Go's module cache is read-only.
  spawnSync('chmod', ['-R', 'u+w', home]);
  rmSync(home, { recursive: true, force: true });
});

const inTime = AbortSignal.timeout(300_000);
const cached = () => join(home, 'cache', 'airlock', program.cacheName, program.binary);

function needsGo(context: TestContext): boolean {
  if (spawnSync('go', ['version']).error === undefined) return true;
  const message = 'NOT RUN: no program was built with Go (there is no go)';
  if (process.env['CI'] !== undefined) process.stderr.write(`::warning::${message}\n`);
  context.skip(message);
  return false;
}

test('without go the reason is told', async () => {
  const { binary, how } = await obtainGoProgram(program, {
    signal: inTime,
    environment: { ...environment, PATH: '/nonexistent' },
  });
  assert.equal(binary, null);
  assert.equal(how, 'no go on PATH');
});

test('a version that the proxy does not have is named in the reason', async (context) => {
  if (!needsGo(context)) return;
  const { binary, how } = await obtainGoProgram(
    { ...program, version: 'v9.0.0' },
    { signal: inTime, environment },
  );
  assert.equal(binary, null);
  assert.match(how, /example\.test\/hello@v9\.0\.0/);
});

test('when no time is left nothing is built and nothing is cached', async () => {
  const { binary, how } = await obtainGoProgram(program, {
    signal: AbortSignal.abort(),
    environment,
  });
  assert.deepEqual({ binary, how }, { binary: null, how: 'no time left' });
  assert.equal(existsSync(cached()), false);
});

test('a build under way ends when its time does', async (context) => {
  if (!needsGo(context)) return;
  const { binary, how } = await obtainGoProgram(program, {
    signal: AbortSignal.timeout(1),
    environment,
  });
  assert.equal(binary, null);
  assert.match(how, /^(?:not built in time: go |no time left)/);
});

test('what its source tree replaces comes from the proxy at the version asked for; the next run finds it cached', async (context) => {
  if (!needsGo(context)) return;
  const built = await obtainGoProgram(program, { signal: inTime, environment });
  assert.match(built.how, /^built with Go in \d+ s$/);
  assert.equal(built.binary, cached());
  // println writes to standard error.
  const said = spawnSync(cached(), { encoding: 'utf8' }).stderr;
  assert.equal(said, 'hello\n');

  const again = await obtainGoProgram(program, {
    signal: inTime,
    environment: { ...environment, PATH: '/nonexistent' },
  });
  assert.deepEqual(again, { binary: cached(), how: 'from the cache' });
});

/** A module in the form of Go's proxy protocol: version, go.mod and a zip of the tree. */
function publish(
  proxy: string,
  module: string,
  version: string,
  files: Record<string, string>,
): void {
  const directory = join(proxy, module, '@v');
  mkdirSync(directory, { recursive: true });
  const write = (ending: string, content: string | Buffer) => {
    writeFileSync(join(directory, `${version}.${ending}`), content);
  };
  write('info', JSON.stringify({ Version: version }));
  write('mod', files['go.mod'] ?? '');
  const named = Object.entries(files).map(
    ([name, content]) => [`${module}@${version}/${name}`, Buffer.from(content)] as const,
  );
  write('zip', zip(named));
}

/** A zip archive without compression. */
function zip(files: readonly (readonly [name: string, content: Buffer])[]): Buffer {
  const locals: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const [name, content] of files) {
    const common = Buffer.alloc(26);
    common.writeUInt16LE(20, 0);
    common.writeUInt32LE(crc32(content), 10);
    common.writeUInt32LE(content.length, 14);
    common.writeUInt32LE(content.length, 18);
    common.writeUInt16LE(Buffer.byteLength(name), 22);
    const local = Buffer.concat([Buffer.from('PK\x03\x04'), common, Buffer.from(name), content]);
    const rest = Buffer.alloc(14);
    rest.writeUInt32LE(offset, 10);
    directory.push(
      Buffer.concat([Buffer.from('PK\x01\x02\x14\x00'), common, rest, Buffer.from(name)]),
    );
    locals.push(local);
    offset += local.length;
  }
  const entries = Buffer.concat(directory);
  const end = Buffer.alloc(22);
  end.write('PK\x05\x06', 0, 'latin1');
  end.writeUInt16LE(files.length, 8);
  end.writeUInt16LE(files.length, 10);
  end.writeUInt32LE(entries.length, 12);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...locals, entries, end]);
}
