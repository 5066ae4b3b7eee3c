/** P3: the same as `build`, with a checkout of 2,500 files of 59 MB; the floor clones with `--depth 1`. */
import { startField } from './ci/all.ts';
import { latencies } from './ci/latency.ts';
import type { Figure } from './harness.ts';

const rounds = 3;
const tree = { files: 2_500, bytes: 59 * 1000 * 1000 };

export async function* bench(): AsyncGenerator<Figure> {
  const field = await startField({ script: 'echo "files $(find src -type f | wc -l)"', tree });
  try {
    const marker = `files ${tree.files}`;
    yield* await latencies(field, { rounds, marker, of: 'checkout' });
  } finally {
    await field.stop();
  }
}
