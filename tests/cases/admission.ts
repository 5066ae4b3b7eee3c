/**
 * A case for each clause and each boundary of the order in tests/vectors/README.md, in that order, and for pairs of
 * faults where the order decides. Each differs from a good bundle in what its name says and in nothing else.
 */
import { join } from '@airlock/common/testing/bundle-world';
import { casesFrom, type OwnCase } from './case.ts';
import {
  base64,
  commit,
  emptyState,
  goodLine,
  policy,
  requestLine,
  testLine,
  world,
} from './admission/world.ts';
import { encoding, framing } from './admission/framing.ts';
import { envelope } from './admission/envelope.ts';
import { signatures } from './admission/signatures.ts';
import { statements } from './admission/statements.ts';
import { provenances } from './admission/builder.ts';
import { builds } from './admission/build.ts';
import { evidence } from './admission/evidence.ts';
import { facts } from './admission/facts.ts';
import { order } from './admission/order.ts';

/** Every case, good ones among them. */
export function admissionCases(): readonly OwnCase[] {
  const table = [
    ...framing,
    ...encoding,
    ...envelope,
    ...signatures,
    ...statements,
    ...provenances,
    ...builds,
    ...evidence,
    ...facts,
    ...order,
  ];
  return casesFrom('admission', table, {
    now: world.now.toISOString(),
    target: world.policy.target,
    bundle: base64(join([goodLine, testLine, requestLine])),
    artifact: base64(world.artifact),
    trust: world.rows,
    ...policy({}),
    ...commit({}),
    state: emptyState,
  });
}
