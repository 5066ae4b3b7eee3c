import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { provenanceStatement } from '@airlock/common/slsa/provenance';
import { createBundleWorld } from '@airlock/common/testing/bundle-world';
import { noDetails } from '../testing/delta-details.ts';
import { makeDelta, type DeltaCommit } from './delta.ts';
import { holds, type StoppedMatter } from './stop.ts';
import {
  buildWordsOf,
  changeTraces,
  mattersOf,
  termsOf,
  tracesOf,
  unknownValue,
  type Traced,
} from './trace.ts';

const world = createBundleWorld();
const image = '6'.repeat(64);
const ran = { planDigest: '5'.repeat(64), runnerImage: image, planRederived: true };

const commitOf = (place: number, email = 'dana@example.com'): DeltaCommit => ({
  ...{ commit: String(place).padStart(40, '0'), subject: 'x', authorName: 'Dana' },
  ...{ authorEmail: email, committerEmail: 'forge@example.com' },
  committedAt: '2026-11-22T10:00:00Z',
});

function traced(commits: readonly DeltaCommit[]): Traced {
  return {
    ...{ keyIds: ['k1', 'k2'], builderId: 'https://b.example', artifactDigest: 'a'.repeat(64) },
    ...{ commit: commitOf(1).commit, requester: 'dana@idp.example' },
    delta: makeDelta({ base: null, commits, files: [], details: noDetails }),
    returns: null,
  };
}

const roster = {
  people: [
    {
      ...{ id: 'dana', name: 'Dana', nameId: 'dana@idp.example', roles: [] },
      gitEmails: ['dana@example.com'],
    },
    { id: 'leo', name: 'Leo', nameId: 'leo@idp.example', roles: [], gitEmails: [] },
  ],
};

describe('what the builder says', () => {
  test('is read out of the bundle: runner and image', () => {
    const bundle = world.bundle({ build: { ran: { ...ran, runner: 'r-7' } } });
    assert.deepEqual(buildWordsOf(bundle), { runner: 'r-7', images: [image] });
  });

  test('is nothing where provenance says none, and where nothing can be read', () => {
    const nothing = { runner: null, images: [] };
    assert.deepEqual(buildWordsOf(world.bundle()), nothing);
    assert.deepEqual(buildWordsOf(Buffer.from('no bundle\n{}\n')), nothing);
    assert.deepEqual(buildWordsOf(provenanceStatement(world.build)), nothing);
  });
});

describe('the traces of a promotion', () => {
  test('name keys, builder, artifact, commits, runner, image and people', () => {
    const traces = tracesOf(traced([commitOf(1), commitOf(2)]), { runner: 'r-7', images: [image] });
    assert.deepEqual(
      traces.map(({ kind, value }) => `${kind} ${value}`),
      [
        ...['key k1', 'key k2', 'builder https://b.example', `artifact ${'a'.repeat(64)}`],
        ...[`commit ${commitOf(1).commit}`, 'runner r-7', `image ${image}`],
        ...['requester dana@idp.example', `change ${commitOf(2).commit}`],
        ...['email dana@example.com', 'email forge@example.com'],
      ],
    );
  });

  test('say where they do not know: no runner, no image, more commits than are listed', () => {
    const many = Array.from({ length: 201 }, (_, place) => commitOf(place));
    const unknown = tracesOf(traced(many), { runner: null, images: [] })
      .filter(({ value }) => value === unknownValue)
      .map(({ kind }) => kind);
    assert.deepEqual(unknown, ['runner', 'image', 'change']);
  });

  test('become matters of a quarantine: a person by address or sign-in, a commit by bringing it', () => {
    const matters = mattersOf(
      tracesOf(traced([commitOf(1), commitOf(2)]), { runner: 'r-7', images: [] }),
      roster,
    );
    assert.ok(matters.includes('person:dana'));
    assert.ok(!matters.includes('person:leo'));
    assert.ok(matters.includes(`commit:${commitOf(2).commit}`));
    assert.ok(matters.includes('runner:r-7') && matters.includes('image:'));
  });
});

test('a builder that names another runner hides its release from that runner’s quarantine, and not from its key’s', () => {
  const lying = tracesOf(traced([]), { runner: 'r-8', images: [] });
  const stopped: StoppedMatter = {
    ...{ id: 'prm_0000000000' as never, target: 'prod-eu', admittedAt: new Date(0) },
    matters: mattersOf(lying, roster),
  };
  const quarantine = (matter: string) => ({
    ...{ id: 'stp_0', kind: 'quarantine' as const, targets: [], matter, since: null, until: null },
    ...{ except: [], reason: 'x', person: 'leo', placedAt: new Date(0) },
  });
  assert.equal(holds(quarantine('runner:r-7'), stopped, null), false);
  assert.equal(holds(quarantine('key:k2'), stopped, null), true);
});

test('a person is looked for by every address of the roster, and somebody not in it by the name alone', () => {
  const words = (value: string) =>
    termsOf({ kind: 'person', value }, { ...roster } as never).map((term) => term.value);
  assert.deepEqual(words('dana'), ['dana', 'dana@idp.example', 'dana@example.com']);
  assert.deepEqual(words('nobody'), ['nobody']);
});

test('a return has no trace of the commits that it takes away', () => {
  const away = traced([commitOf(3), commitOf(2, 'leo@example.com')]);
  const returns = { delivery: 'dlv_1', promotion: 'prm_1', reason: 'it fails', migrations: [] };
  assert.notDeepEqual(changeTraces(away), []);
  assert.deepEqual(changeTraces({ ...away, returns }), []);
});
