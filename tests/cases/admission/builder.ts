/** The provenance: shape, kind of build, builder, keys and threshold. */
import type { CaseTable } from '../case.ts';
import {
  builder,
  bundle,
  goodSignature,
  inside,
  policy,
  prBuilder,
  promoter,
  prov,
  secondBuilder,
  signedBy,
  tester,
  unknown,
  world,
} from './world.ts';

const bothBuilders = bundle({ provenanceKeys: [builder, secondBuilder] });
/** The trust rows with the administrative domains of the two builder keys. */
const domains = (first: string, second: string) => ({
  trust: world.rows.map((row) =>
    row.keyid === builder.keyid
      ? { ...row, adminDomain: first }
      : row.keyid === secondBuilder.keyid
        ? { ...row, adminDomain: second }
        : row,
  ),
});

export const provenances: CaseTable = [
  ['a predicate that is a text', 'E_PROVENANCE', prov(/"predicate":\{.*\}\}$/, '"predicate":"x"}')],
  [
    'a predicate with a third field',
    'E_PROVENANCE',
    prov('{"buildDefinition"', '{"extra":1,"buildDefinition"'),
  ],
  [
    'a buildDefinition with a fifth field',
    'E_PROVENANCE',
    prov('{"buildType"', '{"extra":1,"buildType"'),
  ],
  [
    'runDetails with byproducts',
    'E_PROVENANCE',
    prov('"runDetails":{', '"runDetails":{"byproducts":[],'),
  ],
  ['a builder with a version', 'E_PROVENANCE', prov('"builder":{', '"builder":{"version":{},')],
  ['metadata with a fourth field', 'E_PROVENANCE', prov('"metadata":{', '"metadata":{"extra":1,')],
  ['a dependency with a name', 'E_PROVENANCE', prov('[{"uri"', '[{"name":"x","uri"')],
  [
    'a dependency whose digest is a number',
    'E_PROVENANCE',
    prov('"resolvedDependencies":[', '"resolvedDependencies":[{"uri":"x","digest":{"sha256":1}},'),
  ],
  [
    'a dependency that is a text',
    'E_PROVENANCE',
    prov('"resolvedDependencies":[', '"resolvedDependencies":["x",'),
  ],
  [
    'a further dependency',
    'OK',
    prov(
      '"resolvedDependencies":[',
      '"resolvedDependencies":[{"uri":"npm:x","digest":{"sha512":"x"}},',
    ),
  ],
  ['no internalParameters', 'E_PROVENANCE', prov('"internalParameters":{},', '')],
  ['internalParameters that are a list', 'E_PROVENANCE', inside('[]')],
  ['a runner that is named', 'OK', inside('{"runner":"main-1"}')],
  ['a runner that is a path', 'E_PROVENANCE', inside('{"runner":"../main-1"}')],
  ['a runner that is a number', 'E_PROVENANCE', inside('{"runner":1}')],
  [
    'externalParameters that are a list',
    'E_PROVENANCE',
    prov(/"externalParameters":\{[^}]*\}/, '"externalParameters":[]'),
  ],
  ['no finishedOn', 'E_PROVENANCE', prov(/,"finishedOn":"[^"]*"/, '')],
  [
    'a builder id that is a number',
    'E_PROVENANCE',
    prov(/"builder":\{"id":"[^"]*"/, '"builder":{"id":1'),
  ],
  ['a buildType that only begins right', 'E_BUILD_TYPE', prov('pipeline/v1"', 'pipeline/v1.1"')],
  [
    'a builder id that only begins right',
    'E_BUILDER_ID',
    bundle({ build: { builderId: `${world.build.builderId}.evil` } }),
  ],
  [
    'a builder id in another case',
    'E_BUILDER_ID',
    bundle({ build: { builderId: world.build.builderId.toUpperCase() } }),
  ],
  [
    'an honest build of the pull-request builder',
    'E_BUILDER_ID',
    bundle({
      build: { builderId: 'https://nonprod.example/builders/pr@v1' },
      provenanceKeys: [prBuilder],
    }),
  ],
  [
    'the pull-request key for the main builder',
    'E_BUILDER_ID',
    bundle({ provenanceKeys: [prBuilder] }),
  ],
  ['a test key for provenance', 'E_KEY_ROLE', bundle({ provenanceKeys: [tester] })],
  ['a promotion key for provenance', 'E_KEY_ROLE', bundle({ provenanceKeys: [promoter] })],
  ['the test key beside the builder', 'OK', bundle({ provenanceKeys: [tester, builder] })],
  [
    'the pull-request key beside the builder',
    'OK',
    bundle({ provenanceKeys: [prBuilder, builder] }),
  ],
  [
    'two of two',
    'OK',
    { ...bundle({ provenanceKeys: [builder, secondBuilder] }), ...policy({ threshold: 2 }) },
  ],
  ['one of two', 'E_THRESHOLD', policy({ threshold: 2 })],
  [
    'two of two, administered by different people',
    'OK',
    { ...bothBuilders, ...policy({ threshold: 2 }), ...domains('a', 'b') },
  ],
  [
    'two of two, administered by the same people',
    'E_THRESHOLD',
    { ...bothBuilders, ...policy({ threshold: 2 }), ...domains('a', 'a') },
  ],
  [
    'two of three',
    'E_THRESHOLD',
    { ...bundle({ provenanceKeys: [builder, secondBuilder] }), ...policy({ threshold: 3 }) },
  ],
  [
    'one of two and a test key',
    'E_THRESHOLD',
    { ...bundle({ provenanceKeys: [builder, tester] }), ...policy({ threshold: 2 }) },
  ],
  [
    'one of two and the pull-request key',
    'E_THRESHOLD',
    { ...bundle({ provenanceKeys: [builder, prBuilder] }), ...policy({ threshold: 2 }) },
  ],
  [
    'one of two and a stranger',
    'E_THRESHOLD',
    { ...signedBy(goodSignature, unknown(1)), ...policy({ threshold: 2 }) },
  ],
  [
    'one of two, twice',
    'E_SIG_DUP',
    { ...signedBy(goodSignature, goodSignature), ...policy({ threshold: 2 }) },
  ],
];
