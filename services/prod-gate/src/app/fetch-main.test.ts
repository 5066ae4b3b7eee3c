import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AirlockError } from '@airlock/common/errors';
import { createLedgerFold } from '../domain/ledger-facts.ts';
import { fetchMain, type FetchMainDependencies } from './fetch-main.ts';
import type { Mirror } from './intake-ports.ts';
import type { GateFiles } from './configuration-ports.ts';

const repository = 'https://git.example/shop';
const [from, to] = ['a'.repeat(40), 'b'.repeat(40)];

/** A frozen repository whose rewrite is accepted; `moved` is where main is when this look comes too late to move it. */
function lateLook(moved: string) {
  const heads = [from, moved];
  const mirror: Partial<Mirror> = {
    mainHead: () => Promise.resolve(heads.shift() ?? moved),
    acceptRewrite: () => Promise.reject(new AirlockError('git-rewound', `main is not at ${from}`)),
    fetch: () => Promise.resolve({ head: null, previous: null }),
  };
  const acceptedMains = [{ repository, from, to }];
  const dependencies: Partial<FetchMainDependencies> = {
    transactor: { transaction: () => Promise.reject(new Error('nothing is released here')) },
    promotions: {
      freezeOf: () => Promise.resolve({ repository, reason: 'rewritten', since: new Date(0) }),
    },
    // The one member that is read.
    files: () => Promise.resolve({ roster: { roster: { acceptedMains } } } as unknown as GateFiles),
    ledger: () => Promise.resolve(createLedgerFold()),
    mirror: () => mirror as Mirror,
  };
  return () => fetchMain(dependencies as FetchMainDependencies, repository);
}

test('of two looks that find the same rewrite accepted the later one goes on, and releases nothing twice', async () => {
  // Its transaction rejects.
  assert.ok(await lateLook(to)());
});

test('a main that moved elsewhere than accepted stays frozen', async () => {
  await assert.rejects(lateLook('c'.repeat(40))(), { code: 'E_REPOSITORY_FROZEN' });
});
