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
