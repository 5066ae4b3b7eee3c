import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { readCoverage } from './coverage.ts';
import { readCycloneDx } from './cyclonedx.ts';
import { readJUnit } from './junit.ts';
import { maxEntries, maxReportBytes, type Read } from './report.ts';
import { readSarif } from './sarif.ts';

const bytes = (text: string): Buffer => Buffer.from(text);
function read<T>(result: Read<T>): T {
  assert.ok(result.ok, result.ok ? '' : result.fault);
  return result.value;
}
const faultOf = <T>(result: Read<T>): string => (result.ok ? 'no fault' : result.fault);

describe('JUnit', () => {
  const report = `<?xml version="1.0"?>
<testsuites>
  <testsuite name="outer" file="src/tax.test.ts">
    <testcase classname="Tax" name="rounds &lt;half&gt; up" time="0.125"/>
    <testcase classname="Tax" name="is per line" time="1,200.5" file="./src/line.ts" line="7">
      <failure message="expected 3">expected 3
got 4</failure>
    </testcase>
    <testsuite name="inner">
      <testcase name="later"><skipped/></testcase>
      <testcase name="breaks"><error>boom</error></testcase>
    </testsuite>
  </testsuite>
</testsuites>`;

  test('cases of all suites are read, with what failed, where, and how long it took', () => {
    const { cases, left } = read(readJUnit(bytes(report)));
    assert.equal(left, 0);
    assert.deepEqual(
      cases.map(({ suite, name, outcome, seconds }) => [suite, name, outcome, seconds]),
      [
        ['outer', 'rounds <half> up', 'passed', 0.125],
        ['outer', 'is per line', 'failed', 1200.5],
        ['inner', 'later', 'skipped', null],
        ['inner', 'breaks', 'failed', null],
      ],
    );
    assert.deepEqual(
      cases.map(({ path, line, message }) => [path, line, message]),
      [
        ['src/tax.test.ts', null, null],
        ['src/line.ts', 7, 'expected 3\ngot 4'],
        [null, null, null],
        [null, null, 'boom'],
      ],
    );
  });

  test('a lone <testsuite> is a report as well', () => {
    const lone = '<testsuite name="s"><testcase name="t"/></testsuite>';
    assert.equal(read(readJUnit(bytes(lone))).cases.length, 1);
  });

  const refused: [what: string, text: string, why: RegExp][] = [
    [
      'entities of its own',
      '<!DOCTYPE a [<!ENTITY b "c">]><testsuite>&b;</testsuite>',
      /document type/,
    ],
    ['text that is no XML', 'ok 1 - passes', /no whole XML/],
    ['what ends early', '<testsuite><testcase name="t"/>', /no whole XML/],
    ['another document', '<html/>', /neither <testsuites>/],
    [
      'elements without end',
      `<testsuite>${'<a>'.repeat(100)}${'</a>'.repeat(100)}</testsuite>`,
      /no XML/,
    ],
  ];
  for (const [what, text, why] of refused) {
    test(`refused: ${what}`, () => {
      assert.match(faultOf(readJUnit(bytes(text))), why);
    });
  }

  test('what goes beyond the limit is counted and not kept', () => {
    const many = `<testsuite>${'<testcase name="t"/>'.repeat(maxEntries + 3)}</testsuite>`;
    const { cases, left } = read(readJUnit(bytes(many)));
    assert.deepEqual([cases.length, left], [maxEntries, 3]);
  });

  test('a path that leads out of the repository is no place', () => {
    for (const path of ['/etc/passwd', '../../x', 'a/../../b', 'C:\\x']) {
      const text = `<testsuite><testcase name="t" file="${path}"/></testsuite>`;
      assert.equal(read(readJUnit(bytes(text))).cases[0]?.path, null, path);
    }
  });
});

describe('SARIF', () => {
  const sarif = (results: object[], version = '2.1.0'): Buffer =>
    bytes(
      JSON.stringify({
        version,
        runs: [
          {
            tool: {
              driver: {
                name: 'scan',
                rules: [{ id: 'R2', defaultConfiguration: { level: 'error' } }],
              },
            },
            results,
          },
        ],
      }),
    );

  test('results are findings at the level of the result, of its rule, or warning', () => {
    const place = {
      physicalLocation: { artifactLocation: { uri: 'src/a.ts' }, region: { startLine: 4 } },
    };
    const { findings } = read(
      readSarif(
        sarif([
          { ruleId: 'R1', level: 'note', message: { text: 'one' }, locations: [place] },
          { ruleId: 'R2', message: { text: 'two' } },
          { ruleId: 'R3', message: { text: 'three' } },
        ]),
      ),
    );
    assert.deepEqual(findings[0], {
      ...{ tool: 'scan', rule: 'R1', level: 'note', message: 'one', path: 'src/a.ts', line: 4 },
    });
    assert.deepEqual(
      findings.map(({ level }) => level),
      ['note', 'error', 'warning'],
    );
  });

  test('what passed, is off, or was suppressed is no finding', () => {
    const none = [
      { ruleId: 'a', kind: 'pass', message: { text: '' } },
      { ruleId: 'a', level: 'none', message: { text: '' } },
      { ruleId: 'a', suppressions: [{ kind: 'inSource' }], message: { text: '' } },
    ];
    assert.deepEqual(read(readSarif(sarif(none))).findings, []);
  });

  test('another version is refused by name', () => {
    assert.match(faultOf(readSarif(sarif([], '2.0.0'))), /2\.0\.0; SARIF 2\.1\.0/);
    assert.match(faultOf(readSarif(bytes('{'))), /no JSON/);
  });
});

describe('coverage', () => {
  test('LCOV: each line once, covered where any record says so', () => {
    const lcov =
      'TN:\nSF:src/a.ts\nDA:1,3\nDA:2,0\nend_of_record\nSF:src/a.ts\nDA:2,1\nend_of_record\nSF:/etc/x\nDA:1,1\n';
    assert.deepEqual(read(readCoverage(bytes(lcov))), {
      files: [{ path: 'src/a.ts', lines: 2, covered: 2 }],
      lines: 2,
      covered: 2,
    });
  });

  test('Cobertura, with the document type that it always names', () => {
    const xml = `<?xml version="1.0"?><!DOCTYPE coverage SYSTEM "http://cobertura.sourceforge.net/xml/coverage-04.dtd">
<coverage><packages><package><classes><class filename="src/b.py"><lines>
<line number="1" hits="1"/><line number="2" hits="0"/></lines></class></classes></package></packages></coverage>`;
    const { files, covered } = read(readCoverage(bytes(xml)));
    assert.deepEqual(files, [{ path: 'src/b.py', lines: 2, covered: 1 }]);
    assert.equal(covered, 1);
  });

  test('a document type with entities is refused here too', () => {
    const xml = '<!DOCTYPE coverage [<!ENTITY a "b">]><coverage/>';
    assert.match(faultOf(readCoverage(bytes(xml))), /document type/);
  });
});

describe('CycloneDX', () => {
  const bom = (components: unknown, specVersion = '1.6'): Buffer =>
    bytes(JSON.stringify({ bomFormat: 'CycloneDX', specVersion, components }));

  test('components are read with group, version, purl and licences, those within others too', () => {
    const { components } = read(
      readCycloneDx(
        bom([
          {
            type: 'library',
            group: '@airlock',
            name: 'common',
            version: '1.0.0',
            purl: 'pkg:npm/%40airlock/common@1.0.0',
            licenses: [{ license: { id: 'MIT' } }, { expression: 'MIT OR Apache-2.0' }],
            components: [{ type: 'file', name: 'inner' }],
          },
        ]),
      ),
    );
    assert.deepEqual(
      components.map(({ name, version, licences }) => [name, version, licences]),
      [
        ['@airlock/common', '1.0.0', ['MIT', 'MIT OR Apache-2.0']],
        ['inner', null, []],
      ],
    );
  });

  test('another format is refused by name', () => {
    assert.match(faultOf(readCycloneDx(bom([], '1.3'))), /1\.3; CycloneDX 1\.4/);
  });
});

test('any bytes give a report or a fault, never an exception', () => {
  const readers = [readJUnit, readSarif, readCoverage, readCycloneDx];
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array({ maxLength: 300 }), fc.json().map(bytes)), (input) => {
      for (const reader of readers) assert.equal(typeof reader(input).ok, 'boolean');
    }),
  );
});

test('more bytes than are read are refused before anything is parsed', () => {
  const large = Buffer.alloc(maxReportBytes + 1, ' ');
  assert.match(faultOf(readJUnit(large)), /at most/);
});
