import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parsePipelineFile } from './pipeline-file.ts';
import { formatFault } from './yaml-file.ts';

function warned(command: string, environment = 'TOKEN: { from_secret: npm }'): string[] {
  const parsed = parsePipelineFile(
    `steps:\n  - name: a\n    image: i\n    commands:\n      - true\n      - ${JSON.stringify(command)}\n    environment: { ${environment}, MODE: fast }\n`,
  );
  assert.ok(parsed.ok);
  return parsed.warnings.map((fault) => formatFault('f.yaml', fault));
}

for (const command of [
  'echo $TOKEN',
  'echo "token: ${TOKEN}"',
  'printf %s "${TOKEN:0:4}"',
  'printenv TOKEN',
  'make && echo $TOKEN',
  'if true; then echo $TOKEN; fi',
  'make\necho $TOKEN\n',
  'echo $TOKEN >&2',
  'echo $TOKEN || true',
]) {
  test(`is warned of: ${JSON.stringify(command)}`, () => {
    const [first, ...more] = warned(command);
    assert.deepEqual(more, []);
    assert.match(first ?? '', /^f\.yaml:6:9: steps\.0\.commands\.1: .*prints the secret in TOKEN;/);
  });
}

for (const command of [
  'echo $MODE',
  'echo $TOKENS',
  "echo '$TOKEN'",
  'echo \\$TOKEN',
  'echo "$TOKEN" | docker login --password-stdin',
  'echo "//registry/:_authToken=$TOKEN" > .npmrc',
  'x=$(echo $TOKEN)',
  'npm publish --token $TOKEN',
  'test -n "$TOKEN" && echo there',
]) {
  test(`is not warned of: ${JSON.stringify(command)}`, () => {
    assert.deepEqual(warned(command), []);
  });
}

test('a step that has no secret is not warned of what it prints', () => {
  assert.deepEqual(warned('echo $TOKEN', 'TOKEN: plain'), []);
});

for (const command of [
  'env',
  'printenv',
  'set',
  'export -p',
  'make; env',
  'env >&2',
  'if true; then printenv; fi',
]) {
  test(`is warned of, for it prints all variables: ${JSON.stringify(command)}`, () => {
    const [first, ...more] = warned(command);
    assert.deepEqual(more, []);
    assert.match(
      first ?? '',
      /^f\.yaml:6:9: steps\.0\.commands\.1: .*prints all variables, with the secret in TOKEN;/,
    );
  });
}

for (const command of [
  'set -x',
  'set -eux',
  'set -e -x',
  'set -euxo pipefail',
  'set -o pipefail -x',
  'set -o xtrace',
  '(set -x; make)',
]) {
  test(`is warned of, for it shows commands with their values: ${JSON.stringify(command)}`, () => {
    const [first, ...more] = warned(command);
    assert.deepEqual(more, []);
    assert.match(
      first ?? '',
      /^f\.yaml:6:9: .*each command with the values .* the secret in TOKEN; .*`set \+x`/,
    );
  });
}

for (const command of [
  'env MODE=slow make',
  'printenv MODE',
  'env > variables.txt',
  'env | wc -l',
  'set -eu',
  'set +x',
  'set -- -x',
  'set -o errexit',
  'export PATH=/opt/bin:$PATH',
  'echo "set -x"',
  "cat > run.sh <<'EOF'\nset -x\necho $TOKEN\nenv\nEOF\nsh run.sh",
]) {
  test(`prints no secret, and is not warned of: ${JSON.stringify(command)}`, () => {
    assert.deepEqual(warned(command), []);
  });
}

test('what follows a here-document is looked at', () => {
  assert.equal(warned('cat > f <<EOF\nenv\nEOF\necho $TOKEN').length, 1);
});

test('of many secrets three are named', () => {
  const secrets = ['A', 'B', 'C', 'D', 'E'].map((name) => `${name}: { from_secret: s }`);
  assert.match(warned('env', secrets.join(', ')).join('\n'), /in A, B, C and 2 more;/);
});

test('a step that has no secret may print all its variables and trace its commands', () => {
  assert.deepEqual(warned('set -x; env', 'TOKEN: plain'), []);
});
