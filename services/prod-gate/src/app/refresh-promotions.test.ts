import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createLedgerFold } from '../domain/ledger-facts.ts';
import type { Promotion } from '../domain/promotion.ts';
import type { GateFiles } from './configuration-ports.ts';
import type { Transaction } from './ports.ts';
import { refreshPromotions } from './refresh-promotions.ts';
import { singleFiles } from '../testing/artifact-reader.ts';

test('a promotion gives way to one further on main, unless its target delivers every release', async () => {
  const waiting = [1, 2].map(
    (mainPosition) =>
      ({
        ...{ id: `prm_${mainPosition}`, release: `r${mainPosition}`, target: 'prod-eu' },
        ...{ mainPosition, admittedAt: new Date(0), expiresAt: new Date('2027-01-01') },
        returns: null,
        delta: { base: null, details: {} },
      }) as unknown as Promotion,
  );
  const ended = async (queue: 'newest' | 'all' | null): Promise<string[]> => {
    const targets = new Map(
      queue === null ? [] : [['prod-eu', { policy: { concurrency: { queue } } }]],
    );
    const told: string[] = [];
    await refreshPromotions({
      gate: 'https://gate.example',
      transactor: { transaction: (work) => work({} as Transaction) },
      promotions: {
        inState: () => Promise.resolve(waiting),
        lock: () => Promise.resolve(null),
        setState: (_tx, { id, to }) => {
          told.push(`${id} ${to}`);
          return Promise.resolve();
        },
        replaceDocument: () => Promise.resolve(),
        evidence: () => Promise.resolve(null),
      },
      waivers: { of: () => Promise.resolve(null) },
      replaced: { insert: () => Promise.resolve() },
      recorder: { record: () => Promise.resolve('') },
      files: () => Promise.resolve({ targets } as unknown as GateFiles),
      ...{ git: () => undefined, contents: singleFiles },
      ledger: () => Promise.reject(new Error('nothing is renewed here')),
      news: { tell: () => Promise.resolve() },
      onChange: () => {},
      clock: () => new Date('2026-11-22'),
    }).catch((error: unknown) => {
      assert.match(String(error), /nothing is renewed here/);
    });
    return told;
  };
  assert.deepEqual(await ended('newest'), ['prm_1 superseded']);
  assert.deepEqual(await ended('all'), []);
  assert.deepEqual(await ended(null), ['prm_1 superseded'], 'without a target file');
});

test('a repository that cannot be read keeps no promotion of another one from being looked at', async () => {
  // The members that are read until git is asked for what changed since another release went live.
  const waiting = ['eu', 'us'].map(
    (place) =>
      ({
        ...{
          id: `prm_${place}`,
          target: `prod-${place}`,
          repository: `https://git.example/${place}`,
        },
        ...{ mainPosition: 1, admittedAt: new Date(0), expiresAt: new Date('2027-01-01') },
        returns: null,
        delta: { base: { commit: 'a'.repeat(40), release: 'gone' } },
      }) as unknown as Promotion,
  );
  const targets = new Map(
    waiting.map(({ target }) => [target, { policy: { concurrency: { queue: 'newest' } } }]),
  );
  const asked: string[] = [];
  const pass = refreshPromotions({
    gate: 'https://gate.example',
    transactor: { transaction: () => Promise.reject(new Error('nothing is written')) },
    promotions: {
      inState: () => Promise.resolve(waiting),
      lock: () => Promise.resolve(null),
      setState: () => Promise.resolve(),
      replaceDocument: () => Promise.resolve(),
      evidence: () => Promise.resolve(null),
    },
    waivers: { of: () => Promise.resolve(null) },
    replaced: { insert: () => Promise.resolve() },
    recorder: { record: () => Promise.resolve('') },
    files: () => Promise.resolve({ targets } as unknown as GateFiles),
    git: (repository) => {
      asked.push(repository);
      throw new Error(`no disk below ${repository}`);
    },
    contents: singleFiles,
    ledger: () => Promise.resolve(createLedgerFold()),
    news: { tell: () => Promise.reject(new Error('nothing is told')) },
    onChange: () => {},
    clock: () => new Date('2026-11-22'),
  });
  await assert.rejects(pass, /no disk below .*eu/);
  assert.deepEqual(asked, ['https://git.example/eu', 'https://git.example/us']);
});
