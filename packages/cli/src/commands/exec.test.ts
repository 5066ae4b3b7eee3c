import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, beforeEach, describe, test } from 'node:test';
import { probeSandbox } from '@airlock/sandbox/probe';
import { Command } from 'commander';
import { registerExec } from './exec.ts';

const probe = await probeSandbox();
const missing = probe.available ? null : `${probe.reason}; ${probe.remedy}`;
if (missing !== null && process.env['CI'] === 'true') assert.fail(missing);

const parent = join(process.cwd(), '.test');
mkdirSync(parent, { recursive: true });
const root = mkdtempSync(join(parent, 'exec-'));
let tree: string;
const git = (...args: string[]): string =>
  execFileSync('git', ['-C', tree, '-c', 'user.name=Dana', '-c', 'user.email=d@x', ...args], {
    encoding: 'utf8',
  }).trim();
const write = (path: string, text: string): void => {
  writeFileSync(join(tree, path), text);
};

beforeEach(() => {
  tree = mkdtempSync(join(root, 'tree-'));
  git('init', '--quiet', '-b', 'main');
  write('.gitignore', 'ignored.txt\n');
  write('committed.txt', 'committed\n');
  write(
    '.woodpecker.yaml',
    'steps:\n  - { name: test, image: bash, commands: [cat committed.txt] }\n',
  );
  git('add', '.');
  git('commit', '--quiet', '-m', 'one');
});
after(() => {
  rmSync(root, { recursive: true });
});

async function exec(...args: string[]): Promise<{ output: string; error: unknown }> {
  let output = '';
  const program = new Command('airlock').exitOverride();
  registerExec(program, (text) => {
    output += text;
  });
  const before = process.cwd();
  process.chdir(tree);
  try {
    await program.parseAsync(['node', 'airlock', 'exec', ...args]);
    return { output, error: null };
  } catch (error) {
    return { output, error };
  } finally {
    process.chdir(before);
  }
}

describe('airlock exec', { skip: missing ?? false }, () => {
  test('runs the pipeline of a clean work tree at its commit', async () => {
    const { output, error } = await exec();
    assert.equal(error, null);
    assert.match(
      output,
      new RegExp(`^workflow woodpecker: ${git('rev-parse', 'HEAD').slice(0, 12)}\n`),
    );
    assert.match(output, /\ntest \| \+ cat committed\.txt\ntest \| committed\n/);
    assert.match(output, /\nworkflow woodpecker: passed after \d+\.\d s\n$/);
  });

  test('runs the files of .woodpecker/ of a work tree, each as a workflow of its own', async () => {
    mkdirSync(join(tree, '.woodpecker'));
    for (const name of ['lint', 'test']) {
      const steps = `steps:\n  - { name: ${name}, image: bash, commands: [echo from $CI_WORKFLOW_NAME] }\n`;
      write(`.woodpecker/${name}.yaml`, steps);
    }
    const { output, error } = await exec();
    assert.equal(error, null);
    assert.match(output, /\nlint \| from lint\n/);
    assert.match(output, /\ntest \| from test\n/);
  });

  test('sees what is not committed and not what is ignored, and leaves work tree and repository as they were', async () => {
    write('committed.txt', 'changed\n');
    write('new.txt', 'new\n');
    write('ignored.txt', 'ignored\n');
    write(
      '.woodpecker.yaml',
      'steps:\n  - { name: look, image: bash, commands: ["ls", "cat committed.txt", "git status --porcelain", "echo made > made.txt"] }\n',
    );
    const before = [git('status', '--porcelain'), git('count-objects'), git('rev-parse', 'HEAD')];
    const { output, error } = await exec();
    assert.equal(error, null);
    assert.match(output, /^workflow woodpecker: the work tree with its changes\n/);
    assert.match(
      output,
      /\nlook \| committed\.txt\nlook \| new\.txt\nlook \| \+ cat committed\.txt\nlook \| changed\nlook \| \+ git status --porcelain\nlook \| \+ echo/,
    );
    assert.deepEqual(
      [git('status', '--porcelain'), git('count-objects'), git('rev-parse', 'HEAD')],
      before,
    );
  });

  test('a step that fails ends it with exit code 5 and says which', async () => {
    write('.woodpecker.yaml', 'steps:\n  - { name: test, image: bash, commands: [exit 3] }\n');
    const { output, error } = await exec();
    assert.deepEqual(
      { ...(error as object), message: (error as Error).message },
      {
        ...{ exitCode: 5, name: 'CliError' },
        message: 'workflow woodpecker: step test failed with exit code 3',
      },
    );
    assert.match(output, /\ntest \| step test failed with exit code 3\n/);
  });

  test('runs one step alone, from a file that is named, with a secret that is never shown', async () => {
    write(
      'other.yaml',
      'steps:\n  - { name: first, image: bash, commands: [exit 1] }\n  - name: second\n    image: bash\n    environment: { TOKEN: { from_secret: token } }\n    commands: ["echo token=$TOKEN", "test $TOKEN = correct-horse"]\n',
    );
    write('token.txt', 'correct-horse\n');
    const { output, error } = await exec(
      'other.yaml',
      '--step',
      'second',
      '--secret',
      'token=token.txt',
    );
    assert.equal(error, null, output);
    assert.match(output, /\nsecond \| token=\[masked\]\n/);
    assert.ok(!output.includes('first'));
    const without = await exec('other.yaml', '--step', 'second');
    assert.match(String(without.error), /step second: give --secret token=FILE/);
  });

  test('says what is wrong with where it is, what it is given and what it is asked for', async () => {
    assert.match(String((await exec('--step', 'absent')).error), /there are: woodpecker \(test\)/);
    assert.match(String((await exec('--secret', 'x')).error), /--secret x: expected NAME=FILE/);
    assert.match(String((await exec('absent.yaml')).error), /absent\.yaml has no pipeline file/);
    rmSync(join(tree, '.woodpecker.yaml'));
    assert.match(String((await exec()).error), /has no pipeline file; name a work tree/);
  });
});
