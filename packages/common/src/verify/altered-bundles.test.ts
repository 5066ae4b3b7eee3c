/** Nothing that is not byte for byte what was signed is admitted. */
import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { test } from 'node:test';
import fc from 'fast-check';
import { createBundleWorld, join } from '../testing/bundle-world.ts';
import { importTrust } from '../trust/signer.ts';
import { admissionCodes } from './admission-codes.ts';
import { admit } from './verify-promotion-bundle.ts';

const world = createBundleWorld();
const trust = importTrust(world.rows);
const lines = world.lines();
const good = join(lines);
/** Made once: importing keys costs more than refusing a bundle. */
const input = world.input(good, { trust });

function isAdmitted(bundle: Uint8Array): boolean {
  const result = admit({ ...input, bundle });
  assert.ok(result.ok || result.code in admissionCodes);
  return result.ok;
}

const flipped = (bytes: Buffer, bits: readonly number[]): Buffer => {
  const altered = Buffer.from(bytes);
  for (const bit of bits) altered[bit >> 3] = (altered[bit >> 3] ?? 0) ^ (1 << (bit & 7));
  return altered;
};

const wanted = 100_000;

test(`of ${wanted} altered bundles none is admitted: every single bit, then bits in pairs`, () => {
  assert.ok(isAdmitted(good));
  let tried = 0;
  let admitted = 0;
  // The order of lines does not matter to a bundle; with the altered one first, the others cost nothing.
  const rotations = lines.map((line, index) => ({
    bits: (line.length + 1) * 8,
    bundle: join([line, ...lines.slice(index + 1), ...lines.slice(0, index)]),
  }));
  for (const { bits, bundle } of rotations) {
    assert.ok(isAdmitted(bundle));
    for (let bit = 0; bit < bits; bit += 1) {
      tried += 1;
      if (isAdmitted(flipped(bundle, [bit]))) admitted += 1;
    }
  }
  const pairs = fc.tuple(fc.nat(2), fc.nat(), fc.nat());
  fc.assert(
    fc.property(pairs, ([which, one, other]) => {
      const { bits, bundle } = rotations[which] ?? { bits: 0, bundle: good };
      // Two different bits: the second is counted from the first.
      const second = (one + 1 + (other % (bits - 1))) % bits;
      tried += 1;
      if (isAdmitted(flipped(bundle, [one % bits, second]))) admitted += 1;
    }),
    { numRuns: wanted - tried },
  );
  assert.deepEqual({ tried, admitted }, { tried: wanted, admitted: 0 });
});

test('the only byte that may change is the key id of a signature that is not needed, and then it does not count', () => {
  const { builder, secondBuilder } = world.keys;
  const both = world.bundle({ provenanceKeys: [builder, secondBuilder] });
  const at = both.indexOf(secondBuilder.keyid);
  const altered = flipped(both, [at * 8]);
  const result = admit({ ...input, bundle: altered });
  assert.ok(result.ok);
  assert.deepEqual(result.facts.keyIds, [builder.keyid]);
  const policies = new Map([['prod-eu', { ...world.policy, threshold: 2 }]]);
  const strict = admit({ ...input, bundle: altered, policies });
  assert.ok(!strict.ok && strict.code === 'E_THRESHOLD');
});

test('no bundle with a piece cut out, doubled or put in is admitted', () => {
  const place = fc.nat(good.length);
  fc.assert(
    fc.property(
      place,
      place,
      fc.uint8Array({ minLength: 1, maxLength: 8 }),
      (one, other, noise) => {
        const [start, end] = one < other ? [one, other] : [other, one];
        const head = good.subarray(0, start);
        const tail = good.subarray(end);
        const altered = [
          Buffer.concat([head, tail]),
          Buffer.concat([good.subarray(0, end), good.subarray(start, end), tail]),
          Buffer.concat([head, noise, good.subarray(start)]),
          good.subarray(0, start),
        ];
        for (const bundle of altered) {
          // White space around an envelope is no part of it; nothing else may be put in.
          const isPadded = bundle.toString().replaceAll(/[ \t]/g, '') === good.toString();
          if (!bundle.equals(good) && !isPadded) assert.ok(!isAdmitted(bundle));
        }
      },
    ),
    { numRuns: 250 },
  );
});

test('the lines of two genuine bundles do not mix, other than for the test result of the same artifact', () => {
  const later = world.lines({ build: { invocationId: 'https://nonprod.example/runs/2' } });
  for (let mix = 0; mix < 8; mix += 1) {
    const mixed = lines.map((line, index) => ((mix >> index) & 1 ? (later[index] ?? '') : line));
    const isOneRequest = (mix & 1) === ((mix >> 2) & 1);
    assert.equal(isAdmitted(join(mixed)), isOneRequest, String(mix));
  }
  const other = world.lines({ build: { subject: { name: 'app.tar.gz', sha256: 'a'.repeat(64) } } });
  for (let mix = 1; mix < 8; mix += 1) {
    const mixed = lines.map((line, index) => ((mix >> index) & 1 ? (other[index] ?? '') : line));
    assert.ok(!isAdmitted(join(mixed)), String(mix));
  }
});

test('no payload, signature or key id fits into another envelope', () => {
  type Parts = { payloadType: string; payload: string; signatures: unknown };
  // Made by signEnvelope.
  const [one, other] = lines.map((line) => JSON.parse(line) as Parts);
  assert.ok(one !== undefined && other !== undefined);
  for (const spliced of [
    { ...one, payload: other.payload },
    { ...one, signatures: other.signatures },
  ]) {
    assert.ok(!isAdmitted(join([JSON.stringify(spliced), ...lines.slice(1)])));
  }
});
