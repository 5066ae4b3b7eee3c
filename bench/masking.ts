/**
 * Masking alone, in megabytes of log a second of CPU time: every form of 100 and of 1,000 secrets; beside one regular expression
 * that knows each secret as it is and nothing else.
 */
import { randomBytes } from 'node:crypto';
import { createMasker } from '@airlock/masking/masker';
import { logText } from './ci/log-text.ts';
import { interleave, median, perCpuSecond, type Figure } from './harness.ts';

const rounds = 5;
const goal = 300;
/** As a runner reads a pipe. */
const chunkBytes = 64 * 1024;
const log = Buffer.from(logText(10_000));
const peerBytes = 256 * 1024;

export async function* bench(): AsyncGenerator<Figure> {
  for (const count of [100, 1_000]) {
    // Of 8 to 48 characters: the shortest decides how far can be skipped.
    const secrets = Array.from({ length: count }, (_, at) =>
      randomBytes(6 + (at % 31)).toString('base64url'),
    );
    const masker = createMasker(secrets.map((each) => Buffer.from(each)));
    const alternation = new RegExp(secrets.join('|'), 'g');
    const some = log.toString('latin1', 0, peerBytes);
    const { ours, peer } = await interleave(rounds, {
      ours: () =>
        megabytesOf(log.length) *
        perCpuSecond(10, () => {
          const stream = masker.stream();
          for (let at = 0; at < log.length; at += chunkBytes) {
            stream.write(log.subarray(at, at + chunkBytes));
          }
          stream.end();
        }),
      peer: () =>
        megabytesOf(peerBytes) * perCpuSecond(1, () => some.replace(alternation, '[masked]')),
    });
    const value = median(ours);
    yield {
      name: `masking: ${count} secrets; peer: a regular expression; goal ${goal}`,
      ...{ value, unit: 'MB/s', peer: median(peer), ratio: value / median(peer) },
    };
  }
}

const megabytesOf = (bytes: number): number => bytes / 1e6;
