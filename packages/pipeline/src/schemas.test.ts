import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { parsePipelineFile } from './pipeline-file.ts';
import { parseReleaseFile } from './release-file.ts';
import { pipelineSchema, releaseSchema } from './schemas.ts';

/** What the parser says that it knows where an unknown key stands. */
function knownTo(
  parse: typeof parsePipelineFile | typeof parseReleaseFile,
  text: string,
): string[] {
  const parsed = parse(text);
  const told = parsed.ok ? [] : parsed.faults.map(({ message }) => message);
  const known = told.flatMap(
    (message) => /^unknown key `zzzz`; known here: (.*)$/.exec(message)?.[1]?.split(', ') ?? [],
  );
  return known.toSorted();
}

function keysAt(schema: unknown, ...path: readonly string[]): string[] {
  let here = schema;
  for (const name of [...path, 'properties']) {
    assert.ok(typeof here === 'object' && here !== null, path.join('.'));
    here = new Map<string, unknown>(Object.entries(here)).get(name);
  }
  return Object.keys(here ?? assert.fail(path.join('.'))).toSorted();
}

const step = (more: string): string => `steps:\n  - { image: a, commands: [b], ${more} }\n`;
const listed = ['anyOf', '0', 'items'];
const places: [where: string, text: string, path: string[]][] = [
  ['a workflow', 'zzzz: 1\n', []],
  ['a step', step('zzzz: 1'), ['properties', 'steps', ...listed]],
  ['a service', 'services:\n  - { zzzz: 1 }\n', ['properties', 'services', ...listed]],
  ['a workflow’s when', 'when: { zzzz: 1 }\n', ['properties', 'when', 'anyOf', '0']],
  [
    'a step’s when',
    step('when: { zzzz: 1 }'),
    ['properties', 'steps', ...listed, 'properties', 'when', 'anyOf', '0'],
  ],
  ['workspace', 'workspace: { zzzz: 1 }\n', ['properties', 'workspace']],
  [
    'airlock’s options',
    step('backend_options: { airlock: { zzzz: 1 } }'),
    ['properties', 'steps', ...listed, 'properties', 'backend_options', 'properties', 'airlock'],
  ],
];
for (const [where, text, path] of places) {
  test(`the schema of ${where} has the keys that the parser knows, and no others`, () => {
    assert.deepEqual(keysAt(pipelineSchema, ...path), knownTo(parsePipelineFile, text));
  });
}

test('the schema of the release file has the keys that the parser knows, and no others', () => {
  const known = (text: string): string[] => knownTo(parseReleaseFile, text);
  const inside = ['properties', 'artifacts', 'additionalProperties'];
  assert.deepEqual(keysAt(releaseSchema), known('zzzz: 1\n'));
  assert.deepEqual(keysAt(releaseSchema, ...inside), known('artifacts: { a: { zzzz: 1 } }\n'));
  inside[1] = 'releases';
  assert.deepEqual(keysAt(releaseSchema, ...inside), known('releases: { a: { zzzz: 1 } }\n'));
});

test('the committed files are these schemas', () => {
  for (const [name, schema] of [
    ['pipeline', pipelineSchema],
    ['release', releaseSchema],
  ] as const) {
    const file = readFileSync(new URL(`../schema/${name}.v1.json`, import.meta.url), 'utf8');
    assert.deepEqual(JSON.parse(file), schema);
  }
});
