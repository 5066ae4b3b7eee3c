/** The good bundle, and short ways to change one thing about it. Each gives the parts of a case that differ. */
import { Buffer } from 'node:buffer';
import { sign } from 'node:crypto';
import { intotoPayloadType } from '@airlock/common/constants';
import { pae } from '@airlock/common/dsse/pae';
import type { SigningKey } from '@airlock/common/dsse/sign';
import { createBundleWorld, join, type BundleChanges } from '@airlock/common/testing/bundle-world';
import type { TrustRow } from '@airlock/common/trust/signer';

export const world = createBundleWorld();
export const { builder, secondBuilder, prBuilder, tester, promoter } = world.keys;
export const [goodLine = '', testLine = '', requestLine = ''] = world.lines();
export const goodPayload = payloadOf(goodLine);

function payloadOf(line: string): Buffer {
  // Made by signEnvelope a moment ago.
  return Buffer.from((JSON.parse(line) as { payload: string }).payload, 'base64');
}

export const base64 = (bytes: Uint8Array | string): string => Buffer.from(bytes).toString('base64');
export const bundle = (changes: BundleChanges) => ({ bundle: base64(world.bundle(changes)) });
export const raw = (bytes: Uint8Array | string) => ({ bundle: base64(bytes) });
/** The good bundle with its first line replaced. */
export const first = (line: string | Uint8Array) =>
  raw(Buffer.concat([Buffer.from(line), Buffer.from('\n'), join([testLine, requestLine])]));
export const inFirst = (from: string | RegExp, to: string) => first(swapped(goodLine, from, to));

export function swapped(text: string, from: string | RegExp, to: string): string {
  const result = text.replace(from, () => to);
  if (result === text) throw new Error(`${String(from)} does not stand in ${text.slice(0, 200)}`);
  return result;
}

export const edit = (from: string | RegExp, to: string) => (bytes: Buffer) =>
  Buffer.from(swapped(bytes.toString(), from, to));
/** The signed provenance with a text replaced, signed and requested anew. */
export const prov = (from: string | RegExp, to: string) =>
  bundle({ provenanceBytes: edit(from, to) });
export const provenance = (bytes: Uint8Array | string) =>
  bundle({ provenanceBytes: () => Buffer.from(bytes) });
export const testing = (from: string | RegExp, to: string) => bundle({ testBytes: edit(from, to) });
export const asking = (from: string | RegExp, to: string) =>
  bundle({ requestBytes: edit(from, to) });
/** The good provenance with these signatures instead, verbatim. */
export const signedBy = (...signatures: { keyid: string; sig: string }[]) =>
  first(
    JSON.stringify({ payloadType: intotoPayloadType, payload: base64(goodPayload), signatures }),
  );

export const message = pae(intotoPayloadType, goodPayload);
export const ecdsa = (key: SigningKey, over: Uint8Array = message, digest = 'sha256') =>
  sign(digest, over, key.privateKey);
export const by = (key: SigningKey, sig: Uint8Array) => ({ keyid: key.keyid, sig: base64(sig) });
export const goodSignature = by(builder, ecdsa(builder));
export const edSignature = sign(null, message, secondBuilder.privateKey);
export const unknown = (index: number) => ({
  keyid: base64(Buffer.alloc(32, index)),
  sig: base64(Buffer.alloc(70, index)),
});
export const bad = (key: SigningKey) => by(key, ecdsa(prBuilder));

/** The trust rows with those of one key changed. */
export const row = (key: SigningKey, changes: object) => ({
  trust: world.rows.map((each) => (each.keyid === key.keyid ? { ...each, ...changes } : each)),
});
export const rowOf = (key: SigningKey): TrustRow => {
  const found = world.rows.find((each) => each.keyid === key.keyid);
  if (found === undefined) throw new Error('every key of the world has a row');
  return found;
};
export const policy = (changes: object) => ({
  policies: { [world.policy.target]: { ...world.policy, ...changes } },
});
export const commit = (changes: object) => ({
  git: { commits: { [world.build.commit]: { ...world.commitFacts, ...changes } } },
});
export const emptyState = { envelopes: [], payloads: [], invocations: {}, lastPosition: null };
export const state = (changes: object) => ({ state: { ...emptyState, ...changes } });
export const inside = (json: string) =>
  prov('"internalParameters":{}', `"internalParameters":${json}`);
export const nested = (levels: number) => `{"a":${'['.repeat(levels)}${']'.repeat(levels)}}`;
export const padTo = (bytes: number) => {
  const empty = edit('"internalParameters":{}', '"internalParameters":{"a":""}')(goodPayload);
  return inside(`{"a":"${'x'.repeat(bytes - empty.length)}"}`);
};
export const withTimes = (startedOn: string, finishedOn: string) =>
  bundle({ build: { startedOn, finishedOn } });
export const source = `{"uri":"git+https://git.example/org/app@refs/heads/main","digest":{"gitCommit":"${world.build.commit}"}}`;
export const pipelineFile = `{"uri":"file:.woodpecker/build.yaml","digest":{"gitBlob":"${world.build.pipelineBlob}"}}`;
