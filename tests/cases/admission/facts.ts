/** What the mirror and the records say. */
import { Buffer } from 'node:buffer';
import { sha256Hex } from '@airlock/common/encoding/hex';
import type { CaseTable } from '../case.ts';
import {
  bundle,
  commit,
  goodLine,
  goodPayload,
  policy,
  requestLine,
  state,
  world,
} from './world.ts';

export const facts: CaseTable = [
  [
    'a commit that the mirror does not have',
    'E_GIT_UNKNOWN',
    bundle({ build: { commit: '2'.repeat(40) } }),
  ],
  ['a commit that is not on main', 'E_GIT_NOT_ON_MAIN', commit({ onMain: false })],
  ['a commit that came inside a merge', 'E_GIT_NOT_FIRST_PARENT', commit({ firstParent: false })],
  ['a commit that is not signed', 'E_GIT_UNSIGNED', commit({ signed: false })],
  [
    'a commit that need not be signed',
    'OK',
    { ...commit({ signed: false }), ...policy({ requireSignedCommit: false }) },
  ],
  [
    'another pipeline at the commit',
    'E_PIPELINE_DIGEST',
    commit({ blobs: { [world.build.pipeline]: 'c'.repeat(40) } }),
  ],
  ['no pipeline at the commit', 'E_PIPELINE_DIGEST', commit({ blobs: {} })],
  [
    'a pipeline that is null at the commit',
    'E_PIPELINE_DIGEST',
    commit({ blobs: { [world.build.pipeline]: null } }),
  ],
  [
    'another file with the blob',
    'E_PIPELINE_DIGEST',
    commit({ blobs: { other: world.build.pipelineBlob } }),
  ],
  ['the same envelope again', 'E_REPLAY', state({ envelopes: [sha256Hex(Buffer.from(goodLine))] })],
  ['the same payload again', 'E_REPLAY', state({ payloads: [sha256Hex(goodPayload)] })],
  [
    'other envelopes before',
    'OK',
    state({ envelopes: ['a'.repeat(64)], payloads: ['b'.repeat(64)] }),
  ],
  [
    'the envelope among the payloads',
    'OK',
    state({ payloads: [sha256Hex(Buffer.from(goodLine))] }),
  ],
  [
    'the request admitted before',
    'OK',
    state({ envelopes: [sha256Hex(Buffer.from(requestLine))] }),
  ],
  [
    'one run with two artifacts',
    'E_EQUIVOCATION',
    state({ invocations: { [world.build.invocationId]: 'e'.repeat(64) } }),
  ],
  [
    'one run with the same artifact',
    'OK',
    state({ invocations: { [world.build.invocationId]: world.build.subject.sha256 } }),
  ],
  ['another run with another artifact', 'OK', state({ invocations: { 'runs/2': 'e'.repeat(64) } })],
  ['older than the last delivery', 'E_ROLLBACK', state({ lastPosition: 11 })],
  ['the last delivery again', 'OK', state({ lastPosition: 10 })],
  ['newer than the last delivery', 'OK', state({ lastPosition: 9 })],
];
