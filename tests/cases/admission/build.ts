/** The provenance: parameters, source, pipeline, run and times. */
import type { CaseTable } from '../case.ts';
import { bundle, commit, pipelineFile, prov, source, withTimes, world } from './world.ts';

const plan = `{"uri":"plan:.woodpecker/build.yaml","digest":{"sha256":"${'c'.repeat(64)}"}}`;
const image = `{"uri":"oci:runner-image","digest":{"sha256":"${'d'.repeat(64)}"}}`;
const depends = (...more: string[]) => prov(pipelineFile, [pipelineFile, ...more].join(','));

export const builds: CaseTable = [
  [
    'a fifth parameter',
    'E_EXT_PARAM',
    prov('"externalParameters":{', '"externalParameters":{"env":"x",'),
  ],
  ['a parameter missing', 'E_EXT_PARAM', prov(/,"release":"[^"]*"\}/, '}')],
  [
    'a parameter of another name',
    'E_EXT_PARAM',
    prov('"release":".airlock', '"Release":".airlock'),
  ],
  [
    'a parameter that is a list',
    'E_EXT_PARAM',
    prov('"ref":"refs/heads/main"', '"ref":["refs/heads/main"]'),
  ],
  [
    'a repository with a look-alike',
    'E_UNICODE',
    bundle({ build: { repository: 'https://git.exаmple/org/app' } }),
  ],
  [
    'a ref with a zero-width space',
    'E_UNICODE',
    prov('"ref":"refs/heads/main"', '"ref":"refs/heads/main\u200b"'),
  ],
  ['a pipeline path that turns around', 'E_UNICODE', prov('"pipeline":"', '"pipeline":"\u202e')],
  ['a release path with a line feed', 'E_UNICODE', prov('"release":"', '"release":"\\n')],
  [
    'a repository with a slash at the end',
    'E_REPO',
    bundle({ build: { repository: `${world.build.repository}/` } }),
  ],
  [
    'a repository in another case',
    'E_REPO',
    bundle({ build: { repository: 'https://git.example/org/App' } }),
  ],
  [
    'a repository with .git',
    'E_REPO',
    bundle({ build: { repository: `${world.build.repository}.git` } }),
  ],
  ['a ref without its directory', 'E_REF', bundle({ build: { ref: 'main' } })],
  ['a tag called main', 'E_REF', bundle({ build: { ref: 'refs/tags/main' } })],
  ['a branch that begins with main', 'E_REF', bundle({ build: { ref: 'refs/heads/main2' } })],
  [
    'another pipeline',
    'E_PIPELINE_PATH',
    bundle({ build: { pipeline: '.woodpecker/other.yaml' } }),
  ],
  [
    'a pipeline path with a dot',
    'E_PIPELINE_PATH',
    bundle({ build: { pipeline: './.woodpecker/build.yaml' } }),
  ],
  ['another release file', 'E_RELEASE_PATH', bundle({ build: { release: '.airlock/other.yaml' } })],
  [
    'an artifact of another name',
    'E_SUBJECT_NAME',
    bundle({ build: { subject: { ...world.build.subject, name: 'other.tar.gz' } } }),
  ],
  ['no source', 'E_SOURCE_DEP', prov(`${source},`, '')],
  [
    'the source of another repository',
    'E_SOURCE_DEP',
    prov('git+https://git.example/org/app', 'git+https://git.example/org/fork'),
  ],
  ['the source of another ref', 'E_SOURCE_DEP', prov('app@refs/heads/main', 'app@refs/heads/next')],
  ['the source without git', 'E_SOURCE_DEP', prov('"git+https', '"https')],
  ['two sources', 'E_SOURCE_DEP', prov(source, `${source},${source}`)],
  [
    'a second source of another name',
    'E_SOURCE_DEP',
    prov(source, `${source},{"uri":"git+https://git.example/x@y","digest":{"sha1":"x"}}`),
  ],
  [
    'a second source without git in its name',
    'E_SOURCE_DEP',
    prov(source, `${source},{"uri":"x","digest":{"gitCommit":"${'2'.repeat(40)}"}}`),
  ],
  ['a source by two digests', 'E_SOURCE_DEP', prov('{"gitCommit"', '{"sha256":"x","gitCommit"')],
  ['a source by its tree', 'E_SOURCE_DEP', prov('{"gitCommit"', '{"gitTree"')],
  ['a commit of 39 digits', 'E_COMMIT_FORMAT', bundle({ build: { commit: '1'.repeat(39) } })],
  ['a commit of 41 digits', 'E_COMMIT_FORMAT', bundle({ build: { commit: '1'.repeat(41) } })],
  ['a commit of SHA-256', 'E_COMMIT_FORMAT', bundle({ build: { commit: '1'.repeat(64) } })],
  ['a commit in upper case', 'E_COMMIT_FORMAT', bundle({ build: { commit: 'A'.repeat(40) } })],
  [
    'a commit with a line feed',
    'E_COMMIT_FORMAT',
    bundle({ build: { commit: `${'1'.repeat(40)}\n` } }),
  ],
  ['an empty commit', 'E_COMMIT_FORMAT', bundle({ build: { commit: '' } })],
  [
    'a commit of 39 digits, also in the mirror',
    'E_COMMIT_FORMAT',
    {
      ...bundle({ build: { commit: '1'.repeat(39) } }),
      git: { commits: { ['1'.repeat(39)]: world.commitFacts } },
    },
  ],
  ['no pipeline file', 'E_PIPELINE_DIGEST', prov(`,${pipelineFile}`, '')],
  [
    'a pipeline file twice',
    'E_PIPELINE_DIGEST',
    prov(pipelineFile, `${pipelineFile},${pipelineFile}`),
  ],
  ['a pipeline file by SHA-256', 'E_PIPELINE_DIGEST', prov('{"gitBlob"', '{"sha256"')],
  [
    'a pipeline blob of 39 digits',
    'E_PIPELINE_DIGEST',
    bundle({ build: { pipelineBlob: 'b'.repeat(39) } }),
  ],
  [
    'a pipeline blob of 39 digits, also in the mirror',
    'E_PIPELINE_DIGEST',
    {
      ...bundle({ build: { pipelineBlob: 'b'.repeat(39) } }),
      ...commit({ blobs: { [world.build.pipeline]: 'b'.repeat(39) } }),
    },
  ],
  ['a plan and a runner image', 'OK', depends(plan, image)],
  ['two runner images', 'OK', depends(plan, image, image)],
  ['a plan twice', 'E_PLAN_DIGEST', depends(plan, plan)],
  ['the plan of another pipeline', 'E_PLAN_DIGEST', depends(plan.replace('build', 'other'))],
  [
    'a plan and that of another pipeline',
    'E_PLAN_DIGEST',
    depends(plan, plan.replace('build', 'x')),
  ],
  [
    'a plan by two digests',
    'E_PLAN_DIGEST',
    depends(plan.replace('{"sha256"', '{"a":"x","sha256"')),
  ],
  ['a plan by SHA-512', 'E_PLAN_DIGEST', depends(plan.replace('sha256', 'sha512'))],
  ['a plan in upper case', 'E_PLAN_DIGEST', depends(plan.replaceAll('c', 'C'))],
  [
    'an image by two digests',
    'E_RUNNER_IMAGE',
    depends(image.replace('{"sha256"', '{"a":"x","sha256"')),
  ],
  ['an image by SHA-512', 'E_RUNNER_IMAGE', depends(image.replace('sha256', 'sha512'))],
  ['an image cut short', 'E_RUNNER_IMAGE', depends(image.replace('d'.repeat(64), 'd'))],
  ['a run id with a line feed', 'E_UNICODE', bundle({ build: { invocationId: 'runs/1\n' } })],
  ['a run id with a look-alike', 'E_UNICODE', bundle({ build: { invocationId: 'runs/а' } })],
  ['a run id without characters', 'E_PROVENANCE', bundle({ build: { invocationId: '' } })],
  ['a run id of 1024 characters', 'OK', bundle({ build: { invocationId: 'r'.repeat(1024) } })],
  [
    'a run id of 1025 characters',
    'E_PROVENANCE',
    bundle({ build: { invocationId: 'r'.repeat(1025) } }),
  ],
  ...[
    '2026-11-22T11:00:00+00:00',
    '2026-11-22T11:00:00',
    '2026-11-22t11:00:00z',
    '2026-11-22 11:00:00Z',
    '2026-11-22',
    '2026-11-22T11:00Z',
    '2026-11-22T11:00:00.5Z',
    '2026-11-22T11:00:00.123456Z',
    '2026-02-30T11:00:00Z',
    '2026-11-21T24:00:00Z',
    '2026-11-22T11:00:60Z',
    '+002026-11-22T11:00:00Z',
    '2026-11-22T11:00:00Z\n',
    ' 2026-11-22T11:00:00Z',
    'yesterday',
    '',
  ].map(
    (time) =>
      [
        `a start of ${JSON.stringify(time).replaceAll('+', ' plus ').replaceAll('z', 'small z')}`,
        'E_TIME_FORMAT',
        withTimes(time, '2026-11-22T11:05:00Z'),
      ] as const,
  ),
  [
    'an end of another form',
    'E_TIME_FORMAT',
    withTimes('2026-11-22T11:00:00Z', '2026-11-22T12:05:00+01:00'),
  ],
  [
    'times with milliseconds',
    'OK',
    withTimes('2026-11-22T11:00:00.000Z', '2026-11-22T11:05:00.123Z'),
  ],
  ['a build that took no time', 'OK', withTimes('2026-11-22T11:00:00Z', '2026-11-22T11:00:00Z')],
  [
    'a build that ended a millisecond before it began',
    'E_TIME_ORDER',
    withTimes('2026-11-22T11:00:00.001Z', '2026-11-22T11:00:00.000Z'),
  ],
  ['an end ahead by the skew', 'OK', withTimes('2026-11-22T11:00:00Z', '2026-11-22T12:01:00Z')],
  [
    'an end ahead by a millisecond more than the skew',
    'E_TIME_FUTURE',
    withTimes('2026-11-22T11:00:00Z', '2026-11-22T12:01:00.001Z'),
  ],
  ['as old as it may be', 'OK', withTimes('2026-11-08T11:00:00Z', '2026-11-08T12:00:00.000Z')],
  [
    'a millisecond older than it may be',
    'E_STALE',
    withTimes('2026-11-08T11:00:00Z', '2026-11-08T11:59:59.999Z'),
  ],
];
