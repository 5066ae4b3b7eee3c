/** The walls between the rooms, as rules. tests/architecture proves that each of them catches what it is for. */
const serviceDirectory = '^services/([^/]+)/';

export default {
  forbidden: [
    {
      name: 'prod-gate-never-imports-nonprod',
      comment: 'The gate believes nothing that nonprod says; it certainly does not run its code.',
      severity: 'error',
      from: { path: '^services/prod-gate/' },
      to: { path: '^services/nonprod/', reachable: true },
    },
    {
      name: 'services-do-not-share-code',
      comment: 'What two services need is a package.',
      severity: 'error',
      from: { path: serviceDirectory },
      to: { path: '^services/', pathNot: '^services/$1/' },
    },
    {
      name: 'packages-do-not-import-services',
      severity: 'error',
      from: { path: '^packages/' },
      to: { path: '^services/' },
    },
    {
      name: 'common-is-pure',
      comment: 'No I/O, no clock, no randomness: zod, node:crypto and node:buffer only.',
      severity: 'error',
      from: { path: '^packages/common/src/', pathNot: '[.]test[.]ts$' },
      to: {
        pathNot: [
          '^packages/common/src/',
          '^node_modules/zod/',
          '^(node:)?(crypto|buffer)$',
          '^node_modules/@types/node/',
        ],
      },
    },
    {
      name: 'verify-is-offline',
      comment:
        'An auditor reads packages/verify: the kernel and zod, no file, no network, no process.',
      severity: 'error',
      from: { path: '^packages/verify/src/', pathNot: '[.]test[.]ts$|/src/testing/' },
      to: {
        pathNot: [
          '^packages/verify/src/(?!testing/)',
          '^packages/common/src/',
          '^node_modules/zod/',
          '^(node:)?(crypto|buffer)$',
          '^node_modules/@types/node/',
        ],
      },
    },
    {
      name: 'domain-is-pure',
      comment:
        'Domain code decides over values: nothing but the kernel, the compiler of pipelines, zod and the domain itself.',
      severity: 'error',
      from: { path: '^services/[^/]+/src/domain/', pathNot: '[.]test[.]tsx?$' },
      to: {
        pathNot: [
          '^services/[^/]+/src/domain/',
          '^packages/(common|pipeline)/src/',
          '^node_modules/(zod|yaml)/',
          '^(node:)?(crypto|buffer)$',
          '^node_modules/@types/node/',
        ],
      },
    },
    {
      name: 'pipeline-is-pure',
      comment:
        'Nonprod, signer, gate and rebuilder compile the same plan from the same bytes: no clock, no files, no settings.',
      severity: 'error',
      from: { path: '^packages/pipeline/src/', pathNot: '[.]test[.]ts$|/src/testing/' },
      to: {
        pathNot: [
          '^packages/(common|pipeline)/src/',
          '^node_modules/(yaml|re2js)/',
          '^(node:)?(crypto|buffer)$',
          '^node_modules/@types/node/',
        ],
      },
    },
    {
      name: 'app-does-not-know-adapters',
      comment: 'A use case names ports; processes/*.ts hand it the adapters.',
      severity: 'error',
      from: { path: '^services/[^/]+/src/app/', pathNot: '[.]test[.]ts$' },
      to: { path: '^services/[^/]+/src/(adapters|http|processes|generated)/' },
    },
    {
      name: 'prisma-stays-in-its-adapter',
      severity: 'error',
      from: {
        path: '^services/[^/]+/src/',
        pathNot: '^services/[^/]+/src/(adapters/postgres|generated)/',
      },
      to: { path: '/generated/prisma/' },
    },
    {
      name: 'only-deliverer-and-watchdog-reach-vault',
      comment:
        'Intake, the pages and the authority cannot name a Vault client, however long the way.',
      severity: 'error',
      from: { path: '^services/prod-gate/src/processes/(intake|web|authority)[.]ts$' },
      to: { path: '^services/prod-gate/src/adapters/vault/', reachable: true },
    },
    {
      name: 'only-deliverer-reaches-hooks',
      severity: 'error',
      from: { path: '^services/prod-gate/src/processes/(intake|web|authority|watchdog)[.]ts$' },
      to: { path: '^services/prod-gate/src/adapters/hooks/run-', reachable: true },
    },
    {
      name: 'only-intake-connects-to-nonprod',
      severity: 'error',
      from: { path: '^services/prod-gate/src/processes/(web|authority|deliverer|watchdog)[.]ts$' },
      to: { path: '^services/prod-gate/src/adapters/nonprod-outbox/', reachable: true },
    },
    {
      name: 'only-intake-and-scheduler-tell-people',
      comment:
        'Who decides, mints, delivers, keeps sessions or answers the gate has no way to mail or post anything.',
      severity: 'error',
      from: {
        path: [
          '^services/prod-gate/src/processes/(web|authority|deliverer|watchdog)[.]ts$',
          '^services/nonprod/src/processes/(web|outbox)[.]ts$',
        ],
      },
      to: {
        path: ['^node_modules/nodemailer/', '^packages/notify/src/(mail|post|open-channels)[.]ts$'],
        reachable: true,
      },
    },
    {
      name: 'only-web-listens',
      comment:
        'The gate has one process that answers browsers and rebuilders; no other may reach Express or the listener for machines.',
      severity: 'error',
      from: {
        path: '^services/prod-gate/src/processes/(intake|authority|deliverer|watchdog)[.]ts$',
      },
      to: {
        path: ['^node_modules/express/', '^packages/process/src/machine-server[.]ts$'],
        reachable: true,
      },
    },
    {
      name: 'builders-and-signer-know-no-database',
      comment: 'Their package.json is the proof; this rule holds it to what the code reaches.',
      severity: 'error',
      from: { path: '^services/(runner|rebuilder|signer|hook-relay)/src/processes/' },
      to: { path: '^node_modules/(pg|bull|ioredis|express|@prisma)/', reachable: true },
    },
    {
      name: 'no-phantom-dependency',
      comment: 'npm hoists: a package resolves although only a neighbour declares it.',
      severity: 'error',
      from: { path: '^(packages|services|deploy)/', pathNot: '[.]test[.]tsx?$' },
      to: { dependencyTypes: ['npm-no-pkg', 'npm-unknown'] },
    },
    {
      name: 'tests-stay-out-of-production',
      severity: 'error',
      from: {
        path: '^(packages|services)/',
        pathNot: [
          '[.](test|fixture)[.]tsx?$',
          '/src/testing/',
          '^packages/(testkit|vault-double)/',
        ],
      },
      to: {
        path: ['^packages/(testkit|vault-double)/', '[.](test|fixture)[.]tsx?$', '/src/testing/'],
      },
    },
    {
      name: 'no-circular',
      severity: 'error',
      from: { pathNot: '/generated/' },
      to: { circular: true },
    },
    { name: 'no-unresolvable', severity: 'error', from: {}, to: { couldNotResolve: true } },
  ],
  options: {
    doNotFollow: { path: ['node_modules', '/generated/'] },
    exclude: { path: ['[.]tsbuild/', '^dist/', '^[.]demo/', '^[.]test/'] },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.base.json' },
    combinedDependencies: false,
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['source', 'import', 'node', 'default', 'require'],
      extensions: ['.ts', '.tsx', '.mjs', '.js', '.json', '.d.ts'],
    },
  },
};
