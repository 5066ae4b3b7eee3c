import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { isSbom, readSbom, SbomError, type Components } from './sbom.ts';
import { listedComponents, sbomDelta, SbomDelta } from './sbom-delta.ts';

type Said = {
  purl?: string;
  name?: string;
  version?: string;
  licenses?: unknown;
  [key: string]: unknown;
};

const cdx = (components: readonly Said[]): Buffer =>
  Buffer.from(JSON.stringify({ bomFormat: 'CycloneDX', specVersion: '1.6', components }));
const npm = (name: string, version: string, licence?: string): Said => ({
  ...{ type: 'library', name, version, purl: `pkg:npm/${name}@${version}` },
  ...(licence === undefined ? {} : { licenses: [{ license: { id: licence } }] }),
});
const file = (bytes: Buffer | null, path = 'bom.json') => [{ path, bytes }];

function read(bytes: Buffer): Components {
  const components: Components = new Map();
  readSbom(bytes, components);
  return components;
}

describe('an SBOM', () => {
  test('is known by the names that both specifications propose', () => {
    for (const path of ['bom.json', 'app/bom.json', 'dist/web.cdx.json', 'a/b.spdx.json']) {
      assert.equal(isSbom(path), true, path);
    }
    for (const path of ['abom.json', 'bom.json/x', 'web.json', 'cdx.json', 'bom.xml']) {
      assert.equal(isSbom(path), false, path);
    }
  });

  test('lists nested components by package URL, the others by group and name, and no files', () => {
    const found = read(
      cdx([
        { ...npm('%40shop/cart', '1.0.0', 'MIT'), components: [npm('inner', '2.0.0')] },
        { type: 'application', group: 'org.shop', name: 'web', version: '3' },
        { type: 'file', name: 'index.js' },
      ]),
    );
    assert.deepEqual(
      [...found].map(([name, { versions, licences }]) => [name, [...versions], [...licences]]),
      [
        ['pkg:npm/%40shop/cart', ['1.0.0'], ['MIT']],
        ['org.shop/web', ['3'], []],
        ['pkg:npm/inner', ['2.0.0'], []],
      ],
    );
  });

  test('of SPDX lists its packages without what it describes', () => {
    const spdx = {
      spdxVersion: 'SPDX-2.3',
      documentDescribes: ['SPDXRef-root'],
      packages: [
        { SPDXID: 'SPDXRef-root', name: 'shop' },
        {
          ...{ SPDXID: 'SPDXRef-1', name: 'left-pad', versionInfo: '1.3.0' },
          ...{ licenseConcluded: 'NOASSERTION', licenseDeclared: 'WTFPL' },
          externalRefs: [{ referenceType: 'purl', referenceLocator: 'pkg:npm/left-pad@1.3.0' }],
        },
      ],
    };
    const found = read(Buffer.from(JSON.stringify(spdx)));
    assert.deepEqual([...found.keys()], ['pkg:npm/left-pad']);
    assert.deepEqual([...(found.get('pkg:npm/left-pad')?.licences ?? [])], ['WTFPL']);
  });

  test('that is none, nests or lists without end, or names nothing is refused', () => {
    let nested: Said = { name: 'deep' };
    for (let depth = 0; depth < 40; depth += 1) nested = { name: 'n', components: [nested] };
    const hostile = [
      Buffer.from([0xff, 0xfe]),
      Buffer.from('{'),
      Buffer.from('null'),
      Buffer.from('{"bomFormat":"CycloneDX","components":{}}'),
      Buffer.from('{"__proto__":{"bomFormat":"CycloneDX"}}'),
      cdx([{ version: '1' }]),
      cdx([nested]),
      cdx(Array.from({ length: 50_001 }, (_, place) => ({ name: `n${place}` }))),
    ];
    for (const bytes of hostile) {
      assert.throws(() => read(bytes), SbomError, bytes.toString('utf8', 0, 60));
    }
  });

  const wrappings: readonly ((json: string) => string)[] = [
    (json) => json,
    (json) => `{"bomFormat":"CycloneDX","components":[${json}]}`,
    (json) => `{"spdxVersion":"SPDX-2.3","packages":[${json}]}`,
    (json) => `{"spdxVersion":"SPDX-2.3","packages":${json},"documentDescribes":${json}}`,
    (json) => `{"spdxVersion":"SPDX-2.3","packages":[{"name":"a","externalRefs":[${json}]}]}`,
    (json) => `{"spdxVersion":${json},"packages":[]}`,
  ];

  function isReadOrRefused(text: string): void {
    try {
      for (const [name, { versions, licences }] of read(Buffer.from(text))) {
        for (const said of [name, ...versions, ...licences]) {
          assert.ok(said.isWellFormed() && said.length < 500 && !/\p{Cc}/u.test(said), said);
        }
      }
    } catch (error) {
      assert.ok(error instanceof SbomError, String(error));
    }
  }

  test('of any JSON whatever, in the places of CycloneDX and SPDX, is read or refused, and nothing else is thrown', () => {
    fc.assert(
      fc.property(fc.json(), fc.constantFrom(...wrappings), (json, wrap) => {
        isReadOrRefused(wrap(json));
      }),
      { numRuns: 600 },
    );
  });

  test('of SPDX with any values in the fields that are read is read or refused', () => {
    const anyValue = fc.oneof(fc.string({ unit: 'binary' }), fc.jsonValue());
    const anyPackage = fc.record(
      {
        SPDXID: fc.constantFrom('SPDXRef-1', 'SPDXRef-2'),
        name: fc.oneof({ weight: 4, arbitrary: fc.string({ minLength: 1 }) }, anyValue),
        versionInfo: anyValue,
        licenseConcluded: anyValue,
        licenseDeclared: anyValue,
        externalRefs: fc.oneof(
          fc.array(fc.record({ referenceType: fc.constant('purl'), referenceLocator: anyValue })),
          anyValue,
        ),
      },
      { requiredKeys: [] },
    );
    let listed = 0;
    fc.assert(
      fc.property(fc.array(anyPackage, { maxLength: 4 }), anyValue, (packages, describes) => {
        const spdx = { spdxVersion: 'SPDX-2.3', packages, documentDescribes: [describes] };
        isReadOrRefused(JSON.stringify(spdx));
        try {
          listed += read(Buffer.from(JSON.stringify(spdx))).size;
        } catch {
          // Counted are those that are read.
        }
      }),
      { numRuns: 600 },
    );
    assert.ok(listed > 50, `${listed} packages were read: too few to say anything`);
  });
});

describe('the difference of two SBOMs', () => {
  test('has what is new, under another licence, at another version and gone, in this order', () => {
    const delta = sbomDelta({
      before: file(
        cdx([npm('a', '1', 'MIT'), npm('b', '1', 'MIT'), npm('old', '1'), npm('x', '1')]),
      ),
      after: file(
        cdx([npm('a', '2', 'MIT'), npm('b', '1', 'AGPL-3.0'), npm('new', '1'), npm('x', '1')]),
      ),
    });
    const { before, after, added, removed, changed, relicensed } = delta;
    assert.deepEqual(
      { before, after, added, removed, changed, relicensed },
      { before: 4, after: 4, added: 1, removed: 1, changed: 1, relicensed: 1 },
    );
    assert.deepEqual(
      delta.list.map(({ name, from, to, licenceBefore, licenceAfter }) =>
        [name, from, to, licenceBefore, licenceAfter].join(' '),
      ),
      [
        'pkg:npm/new  1  ',
        'pkg:npm/b 1 1 MIT AGPL-3.0',
        'pkg:npm/a 1 2 MIT MIT',
        'pkg:npm/old 1   ',
      ],
    );
  });

  test('counts all and lists the first two hundred', () => {
    const many = Array.from({ length: 1_000 }, (_, place) => npm(`p${place}`, '1'));
    const delta = sbomDelta({ before: file(cdx([])), after: file(cdx(many)) });
    assert.equal(delta.added, 1_000);
    assert.equal(delta.list.length, listedComponents);
  });

  test('is not made where one of the two is missing, unreadable or too long', () => {
    const some = file(cdx([npm('a', '1')]));
    const gone = sbomDelta({ before: some, after: [] });
    assert.deepEqual([gone.before, gone.after, gone.removed, gone.list], [1, null, 0, []]);
    const fresh = sbomDelta({ before: [], after: some });
    assert.deepEqual([fresh.before, fresh.after, fresh.added], [null, 1, 0]);
    const broken = sbomDelta({
      before: some,
      after: [...some, ...file(Buffer.from('?'), 'z.cdx.json')],
    });
    assert.deepEqual([broken.after, broken.removed], [null, 0]);
    assert.deepEqual(broken.unread, [
      { side: 'after', file: 'z.cdx.json', why: 'no JSON in UTF-8' },
    ]);
    const long = sbomDelta({ before: file(null), after: some });
    assert.equal(long.before, null);
    assert.equal(long.unread[0]?.side, 'before');
  });

  const anyComponents = fc.array(
    fc.record({
      name: fc.constantFrom('a', 'b', 'c', 'd'),
      version: fc.constantFrom('1', '2'),
      licence: fc.constantFrom('MIT', 'GPL'),
    }),
    { maxLength: 8 },
  );
  const bom = (list: readonly { name: string; version: string; licence: string }[]) =>
    cdx(list.map(({ name, version, licence }) => npm(name, version, licence)));

  test('does not depend on the order of components or files, and turns round with its sides', () => {
    fc.assert(
      fc.property(anyComponents, anyComponents, (was, is) => {
        const forth = sbomDelta({ before: file(bom(was)), after: file(bom(is)) });
        const shuffled = sbomDelta({
          before: file(bom(was.toReversed())),
          after: [
            ...file(bom(is.slice(1)), 'z.cdx.json'),
            ...file(bom(is.slice(0, 1)), 'a.cdx.json'),
          ],
        });
        assert.deepEqual(shuffled, forth);
        const back = sbomDelta({ before: file(bom(is)), after: file(bom(was)) });
        assert.deepEqual(
          [back.added, back.removed, back.changed, back.relicensed],
          [forth.removed, forth.added, forth.changed, forth.relicensed],
        );
        assert.deepEqual(SbomDelta.parse(forth), forth);
      }),
    );
  });

  test('carries nothing that jsonb or a signed document cannot', () => {
    const delta = sbomDelta({
      before: file(cdx([])),
      after: file(cdx([{ name: `a\u0000b\ud800${'x'.repeat(5_000)}`, version: '1\n2' }])),
    });
    const [row] = delta.list;
    assert.ok(row !== undefined && row.name.isWellFormed() && row.name.length < 500);
    assert.doesNotMatch(`${row.name}${row.to}`, /\p{Cc}/u);
  });

  test('of more entries than are read is named so, though they be one component many times', () => {
    const same = Array.from({ length: 50_001 }, () => ({ name: 'a', version: '1' }));
    assert.throws(() => read(cdx(same)), /more components than are read/);
  });
});
