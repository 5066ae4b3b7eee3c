import assert from 'node:assert/strict';
import { test } from 'node:test';
import { matchesGlob } from '@airlock/pipeline/glob';
import {
  foundState,
  newRepository,
  planFound,
  type FoundRepository,
  type ListedRepository,
} from './found-repository.ts';

const listed = (id: string, path: string, change: Partial<ListedRepository> = {}) => ({
  ...{ id, path, cloneUrl: `https://github.com/${path}.git`, mainBranch: 'main' },
  ...{ archived: false, isPrivate: false },
  ...change,
});
const known = (each: ListedRepository, change: Partial<FoundRepository> = {}): FoundRepository => ({
  ...each,
  ...{ pathWas: null, gone: false, repository: null, notAdded: null },
  ...change,
});
const plan = (state: Partial<Parameters<typeof planFound>[0]>) =>
  planFound({ listing: [], known: [], built: [], rules: [], ...state }, matchesGlob);
const news = (state: Parameters<typeof plan>[0]) =>
  plan(state).news.map(({ kind, found }) => `${kind} ${found.path}`);

test('what is new, gone, back, renamed and archived is told by the forge’s id, and what is as it was is not written', () => {
  const before = [
    known(listed('1', 'shop/same')),
    known(listed('2', 'shop/old-name')),
    known(listed('3', 'shop/left')),
    known(listed('4', 'shop/shelf')),
    known(listed('5', 'shop/again'), { gone: true }),
    known(listed('6', 'shop/long-gone'), { gone: true }),
  ];
  const listing = [
    listed('1', 'shop/same'),
    listed('2', 'shop/new-name'),
    listed('4', 'shop/shelf', { archived: true }),
    listed('5', 'shop/again'),
    listed('7', 'shop/fresh'),
  ];
  const planned = plan({ listing, known: before });
  assert.deepEqual(news({ listing, known: before }), [
    'renamed shop/new-name',
    'archived shop/shelf',
    'back shop/again',
    'new shop/fresh',
    'gone shop/left',
  ]);
  assert.deepEqual(
    planned.write.map(({ id, pathWas, gone }) => [id, pathWas, gone]),
    [
      ['2', 'shop/old-name', false],
      ['4', null, false],
      ['5', null, false],
      ['7', null, false],
      ['3', null, true],
    ],
  );
});

test('one that was added by hand is known again by its address, however it is fetched', () => {
  const built = [{ name: 'web', cloneUrl: 'ssh://git@github.com/Shop/Web.git' }];
  const { write, add } = plan({
    ...{ listing: [listed('1', 'shop/web')], built },
    rules: [{ paths: '**', owners: [] }],
  });
  assert.deepEqual([write[0]?.repository, add], ['web', []]);
});

test('another repository at the address of one that was renamed is not taken for it', () => {
  const built = [{ name: 'shop/web', cloneUrl: 'https://github.com/shop/web.git' }];
  const before = [known(listed('1', 'shop/web'), { repository: 'shop/web' })];
  const { write } = plan({
    ...{ listing: [listed('1', 'shop/web2'), listed('66', 'shop/web')], known: before, built },
  });
  assert.deepEqual(
    write.map((each) => [each.id, each.repository, foundState(each, built)]),
    [
      ['1', 'shop/web', 'renamed'],
      ['66', null, 'replaced'],
    ],
  );
});

test('the first rule that fits adds, with its owners; what is built, archived or fits none is left alone', () => {
  const listing = [
    listed('1', 'shop/web'),
    listed('2', 'shop/old', { archived: true }),
    listed('3', 'shop/built'),
    listed('4', 'other/web'),
    listed('5', 'shop/api'),
  ];
  const rules = [
    { paths: 'shop/web', owners: ['web'] },
    { paths: 'shop/*', owners: ['all'] },
  ];
  const before = [known(listed('3', 'shop/built'), { repository: 'shop/built' })];
  const { add } = plan({ listing, known: before, rules });
  assert.deepEqual(
    add.map(({ found, owners }) => [found.path, owners]),
    [
      ['shop/web', ['web']],
      ['shop/api', ['all']],
    ],
  );
});

const place = { host: 'github.com', from: ['https://github.com/shop/'] };

test('what is added is name, address, main branch and sight of the forge’s list, and nothing else', () => {
  const found = known(listed('1', 'shop/web', { mainBranch: 'trunk', isPrivate: true }));
  assert.deepEqual(newRepository(found, ['web'], place), {
    add: {
      ...{ name: 'shop/web', cloneUrl: 'https://github.com/shop/web.git' },
      ...{ mainBranch: 'trunk', isPrivate: true },
    },
  });
});

test('what cannot be added says why', () => {
  const fault = (change: Partial<FoundRepository>, at = place) => {
    const judged = newRepository(known(listed('1', 'shop/web'), change), [], at);
    return 'fault' in judged ? judged.fault : null;
  };
  assert.equal(fault({}), null);
  assert.match(fault({ gone: true }) ?? '', /not at the forge/);
  assert.match(fault({ archived: true }) ?? '', /archived/);
  assert.match(fault({ mainBranch: null }) ?? '', /empty/);
  assert.match(fault({ mainBranch: '--upload-pack=id' }) ?? '', /main branch has a name/);
  assert.match(fault({ path: '../web' }) ?? '', /no name here/);
  assert.match(fault({ isPrivate: true }) ?? '', /name the groups/);
  const elsewhere = { cloneUrl: 'https://evil.example/shop/web.git' };
  assert.match(fault(elsewhere) ?? '', /not at github\.com/);
  const open = { ...place, from: ['https://github.com/', 'https://evil.example/'] };
  assert.match(fault(elsewhere, open) ?? '', /not at github\.com/);
  assert.match(fault({}, { ...place, from: [] }) ?? '', /repositories\.from/);
});
