import type { Egress } from '@airlock/common/policy/target-egress';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { HookManifest } from '@airlock/process/hook-manifest';
import { readsOnDescriptor, type PlannedRead } from '@airlock/process/hook-needs';
import { checkNeeds } from './needs.ts';

const reads: PlannedRead[] = [
  { as: 'login', kind: 'database' },
  { as: 'cloud', kind: 'aws' },
];
const egress: Egress[] = [
  { as: 'db', kind: 'postgres', host: '127.0.0.1', port: 1, name: 'shop', credential: 'login' },
  { as: 'web1', kind: 'tcp', host: 'web1.example', port: 22 },
];
const fitting = { credentials: { cloud: 'aws' }, egress: { db: 'postgres' } } as const;

function check(
  needs: HookManifest['needs'],
  given: { reads?: PlannedRead[]; egress?: Egress[]; inWaves?: boolean } = {},
): void {
  checkNeeds(
    {
      version: 1,
      name: 'load',
      summary: 'For a test.',
      params: {},
      waves: false,
      kind: 'at-most-once',
      needs,
    },
    { reads, egress, inWaves: false, ...given },
  );
}

test('a hook is handed the reads that no egress authenticates with, and may leave a socket unused', () => {
  check(fitting);
  assert.deepEqual(
    readsOnDescriptor(reads, egress).map(({ as }) => as),
    ['cloud'],
  );
});

const misfits: [claim: string, run: () => void, told: RegExp][] = [
  [
    'needs a credential that is not read',
    () => {
      check({ ...fitting, credentials: { cloud: 'aws', token: 'kv' } });
    },
    /needs credential token \(kv\), which is not read/,
  ],
  [
    'needs a credential of another kind',
    () => {
      check({ ...fitting, credentials: { cloud: 'kv' } });
    },
    /needs cloud to be kv, and cloud is aws/,
  ],
  [
    'needs the credential that an egress authenticates with',
    () => {
      check({ ...fitting, credentials: { cloud: 'aws', login: 'database' } });
    },
    /needs credential login itself/,
  ],
  [
    'would be handed a credential that it does not name',
    () => {
      check({ ...fitting, credentials: {} });
    },
    /names no credential cloud \(aws\), which would be handed to it/,
  ],
  [
    'would be handed the login because no egress takes it',
    () => {
      check(fitting, { egress: [{ ...egress[0], credential: undefined } as Egress] });
    },
    /names no credential login \(database\)/,
  ],
  [
    'needs a socket that does not exist',
    () => {
      check({ ...fitting, egress: { api: 'https' } });
    },
    /needs egress api \(https\), which does not exist/,
  ],
  [
    'needs a socket of another kind',
    () => {
      check({ ...fitting, egress: { db: 'tcp' } });
    },
    /needs egress db to be tcp, and db is postgres/,
  ],
  [
    'would find two sockets at one place',
    () => {
      const twice = { ...egress[0], as: 'web1.sock' } as Egress;
      check({ ...fitting, egress: {} }, { egress: [...egress, twice] });
    },
    /egress web1 and web1\.sock would be one file/,
  ],
  [
    'would be handed a credential called as what every object has',
    () => {
      check(fitting, { reads: [...reads, { as: 'constructor', kind: 'aws' }] });
    },
    /names no credential constructor/,
  ],
];
for (const [claim, run, told] of misfits) {
  test(`a hook that ${claim} is refused by name`, () => {
    assert.throws(run, { code: 'hook-needs', message: told });
  });
}

test('a target with waves is not given to a hook that delivers all at once', () => {
  assert.throws(() => {
    check(fitting, { inWaves: true });
  }, /delivers to all of the target at once, and deliver\.waves asks for waves/);
});
