import assert from 'node:assert/strict';
import { test } from 'node:test';
import { instrument } from '../mutation/instrument.ts';
import { runMutants } from '../mutation/run.ts';

test('a case notices each refusal that is left out and each condition that is turned', async () => {
  const { lines, failures } = await runMutants(['verify', 'approval']);
  assert.deepEqual(failures, []);
  // A run over nothing has no failures either.
  assert.ok(lines.filter((line) => line.includes('killed: ')).length > 400, lines.at(-1));
});

test('a rewritten file names its refusals and conditions, with line and code', () => {
  const source = `import { x } from 'y';
export function check(a: number, list: readonly string[]): { ok: boolean } | null {
  const fail = (): never => { throw new Fault('E_FAIL'); };
  if (a < 3 && !list.length) throw new Fault('E_SMALL', 'too small');
  if (list.some((each) => each === 'x')) return { ok: false, code: 'E_LIST' };
  while (a > 1) fail();
  return null;
}
`;
  let id = 0;
  const { code, sites } = instrument('f.ts', source, () => (id += 1));
  assert.deepEqual(
    sites.map(({ kind, line, code: of }) => `${line} ${kind} ${of ?? ''}`.trim()).sort(),
    [
      '3 refusal E_FAIL',
      '4 condition',
      '4 condition',
      '4 condition',
      '4 condition',
      '4 refusal E_SMALL',
      '5 condition',
      '5 condition',
      '5 condition',
      '5 refusal E_LIST',
      '6 condition',
      '6 condition',
      '6 refusal E_FAIL',
    ],
  );
  assert.match(code, /if \(!globalThis\.__mutants\.on\(\d+\)\) throw new Fault\('E_SMALL'/);
});
