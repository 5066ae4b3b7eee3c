/**
 * P2: a build of one step that prints one line, from the sending of the signed webhook until the line is shown and until the
 * build's end is. Nothing is checked out. All three build commits of the same content, one after the other, each in turn.
 */
import { startField } from './ci/all.ts';
import { latencies } from './ci/latency.ts';
import type { Figure } from './harness.ts';

const rounds = 7;

export async function* bench(): AsyncGenerator<Figure> {
  const field = await startField({ script: 'echo "line $((40 + 2))"' });
  try {
    yield* await latencies(field, { rounds, marker: 'line 42', of: 'build' });
  } finally {
    await field.stop();
  }
}
