/** Two faults in one bundle: the earlier check of the order names the code. */
import { sha256Hex } from '@airlock/common/encoding/hex';
import { join } from '@airlock/common/testing/bundle-world';
import type { CaseTable } from '../case.ts';
import {
  builder,
  bundle,
  commit,
  edit,
  goodLine,
  goodPayload,
  raw,
  source,
  state,
  tester,
  withTimes,
  world,
} from './world.ts';

const replayed = { payloads: [sha256Hex(goodPayload)] };
const equivocal = { invocations: { [world.build.invocationId]: 'e'.repeat(64) } };
export const order: CaseTable = [
  [
    'another buildType and another builder',
    'E_BUILD_TYPE',
    bundle({ build: { builderId: 'x' }, provenanceBytes: edit('pipeline/v1"', 'pipeline/v2"') }),
  ],
  [
    'another builder by a test key',
    'E_BUILDER_ID',
    bundle({ build: { builderId: 'x' }, provenanceKeys: [tester] }),
  ],
  [
    'a test key and a fifth parameter',
    'E_KEY_ROLE',
    bundle({
      provenanceKeys: [tester],
      provenanceBytes: edit('"externalParameters":{', '"externalParameters":{"env":"x",'),
    }),
  ],
  [
    'a fifth parameter and a look-alike',
    'E_EXT_PARAM',
    bundle({
      build: { ref: 'mаin' },
      provenanceBytes: edit('"externalParameters":{', '"externalParameters":{"env":"x",'),
    }),
  ],
  [
    'another repository and a look-alike',
    'E_UNICODE',
    bundle({ build: { repository: 'x', release: 'а' } }),
  ],
  [
    'another repository and another ref',
    'E_REPO',
    bundle({ build: { repository: 'x', ref: 'x' } }),
  ],
  ['another ref and another pipeline', 'E_REF', bundle({ build: { ref: 'x', pipeline: 'x' } })],
  [
    'another pipeline and another release file',
    'E_PIPELINE_PATH',
    bundle({ build: { pipeline: 'x', release: 'x' } }),
  ],
  [
    'another release file and another name',
    'E_RELEASE_PATH',
    bundle({ build: { release: 'x', subject: { ...world.build.subject, name: 'x' } } }),
  ],
  [
    'another name and no source',
    'E_SUBJECT_NAME',
    bundle({
      build: { subject: { ...world.build.subject, name: 'x' } },
      provenanceBytes: edit(`${source},`, ''),
    }),
  ],
  [
    'another source and a commit cut short',
    'E_SOURCE_DEP',
    bundle({ build: { commit: '1' }, provenanceBytes: edit('app@refs', 'app2@refs') }),
  ],
  [
    'a commit cut short and no pipeline file',
    'E_COMMIT_FORMAT',
    bundle({ build: { commit: '1', pipelineBlob: '1' } }),
  ],
  [
    'no pipeline file and a run id with a line feed',
    'E_PIPELINE_DIGEST',
    bundle({ build: { invocationId: '\n', pipelineBlob: '1' } }),
  ],
  [
    'a run id with a line feed and a time that is none',
    'E_UNICODE',
    bundle({ build: { invocationId: '\n', startedOn: 'x' } }),
  ],
  [
    'an end that is no time and a start after it',
    'E_TIME_FORMAT',
    withTimes('2027-11-22T11:00:00Z', 'x'),
  ],
  [
    'an end before the start and both ahead',
    'E_TIME_ORDER',
    withTimes('2027-11-22T11:00:01Z', '2027-11-22T11:00:00Z'),
  ],
  [
    'stale and another artifact',
    'E_STALE',
    { ...withTimes('2026-01-01T00:00:00Z', '2026-01-01T00:00:00Z'), artifact: '' },
  ],
  [
    'another artifact and no tests',
    'E_ARTIFACT_DIGEST',
    { ...bundle({ testResult: 'missing' }), artifact: '' },
  ],
  ['no tests and no request', 'E_TESTS_MISSING', raw(join([goodLine]))],
  [
    'a test result by the builder for another artifact',
    'E_KEY_ROLE',
    bundle({ testKeys: [builder], testBytes: edit('"app.tar.gz"', '"x"') }),
  ],
  [
    'failed tests of another artifact',
    'E_SUBJECT_SPLIT',
    bundle({ testResult: 'FAILED', testBytes: edit('"app.tar.gz"', '"x"') }),
  ],
  [
    'failed tests and no request',
    'E_TESTS_FAILED',
    raw(join([goodLine, world.lines({ testResult: 'FAILED' })[1] ?? ''])),
  ],
  [
    'a request by the builder with a further field',
    'E_KEY_ROLE',
    bundle({ requestKeys: [builder], requestBytes: edit('"reason"', '"x":1,"reason"') }),
  ],
  [
    'a request with a further field for another target',
    'E_REQUEST',
    bundle({ request: { target: 'x' }, requestBytes: edit('"reason"', '"x":1,"reason"') }),
  ],
  [
    'a request for another target with a look-alike',
    'E_TARGET',
    bundle({ request: { target: 'x', reason: 'а' } }),
  ],
  [
    'a request with a look-alike at no time',
    'E_UNICODE',
    bundle({ request: { reason: 'а', requestedAt: 'x' } }),
  ],
  [
    'a request ahead for another artifact',
    'E_TIME_FUTURE',
    bundle({
      request: { requestedAt: '2027-01-01T00:00:00Z' },
      requestBytes: edit('"app.tar.gz"', '"x"'),
    }),
  ],
  [
    'a request for another artifact of another build',
    'E_SUBJECT_SPLIT',
    bundle({ request: { provenance: 'f'.repeat(64) }, requestBytes: edit('"app.tar.gz"', '"x"') }),
  ],
  [
    'a request for another build of an unknown commit',
    'E_PROVENANCE_DIGEST',
    bundle({ request: { provenance: 'f'.repeat(64) }, build: { commit: '2'.repeat(40) } }),
  ],
  [
    'an unknown commit admitted before',
    'E_GIT_UNKNOWN',
    { git: { commits: {} }, ...state(replayed) },
  ],
  [
    'not on main and not first parent',
    'E_GIT_NOT_ON_MAIN',
    commit({ onMain: false, firstParent: false }),
  ],
  [
    'not first parent and not signed',
    'E_GIT_NOT_FIRST_PARENT',
    commit({ firstParent: false, signed: false }),
  ],
  ['not signed and another pipeline', 'E_GIT_UNSIGNED', commit({ signed: false, blobs: {} })],
  [
    'another pipeline and admitted before',
    'E_PIPELINE_DIGEST',
    { ...commit({ blobs: {} }), ...state(replayed) },
  ],
  [
    'admitted before and one run with two artifacts',
    'E_REPLAY',
    state({ ...replayed, ...equivocal }),
  ],
  [
    'one run with two artifacts and older than the last delivery',
    'E_EQUIVOCATION',
    state({ ...equivocal, lastPosition: 11 }),
  ],
];
