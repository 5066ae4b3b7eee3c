/**
 * P6: a step that prints 105 MB in 1.1 million lines, from its webhook until the end of the build is seen. Ours gives the step a
 * hundred secrets, and masks them on the runner and again when it keeps the log; the floor keeps what comes. Then pages of that
 * log, by number.
 */
import { randomBytes } from 'node:crypto';
import { startField, type Field } from './ci/all.ts';
import { until, type Build, type Contestant } from './ci/contestant.ts';
import { beside } from './ci/latency.ts';
import { lineBytes, logText } from './ci/log-text.ts';
import { cpuSeconds, peakMegabytes, residentMegabytes } from './ci/process-usage.ts';
import { interleave, median, p95, type Figure } from './harness.ts';

const rounds = 3;
const lines = 1_100_000;
const megabytes = (lines * lineBytes) / 1e6;
/** The same lines again and again: a command has an end. */
const block = logText(100).trimEnd().replaceAll("'", '').split('\n');
const jumps = 100;
const pageLines = 200;
const goals = { jumpMs: 200, megabytes: 200 };

const secrets = new Map(
  Array.from({ length: 100 }, (_, at) => [
    `BENCH_SECRET_${at}`,
    randomBytes(6 + (at % 31)).toString('base64url'),
  ]),
);
const quoted = block.map((line) => `'${line}'`).join(' ');
// Each secret once, where there are any; then the flood.
const flood = `yes "$(printf '%s\\n' ${quoted})" | head -n ${lines}`;
const script = `env | grep ^BENCH_SECRET_; ${flood}`;

export async function* bench(): AsyncGenerator<Figure> {
  const field = await startField({ script, secrets });
  try {
    const { ours, floor, buildbot } = field;
    const processes = ['runner', 'nonprod-web'] as const;
    const pidOf = (name: (typeof processes)[number]): number => ours.pair.process(name).pid;
    const before = processes.map((name) => residentMegabytes(pidOf(name)));
    const used: Record<'ours' | 'floor', number> = { ours: 0, floor: 0 };
    const measured = async (name: 'ours' | 'floor', pids: readonly number[]): Promise<number> => {
      const sum = (): number => pids.reduce((seconds, pid) => seconds + cpuSeconds(pid), 0);
      const began = sum();
      const found = await rate(field[name]);
      used[name] += sum() - began;
      return found;
    };
    const samples = await interleave(rounds, {
      ours: () => measured('ours', processes.map(pidOf)),
      floor: () => measured('floor', [floor.pid]),
    });
    // Once: it takes as long as all the others together.
    const peer = buildbot === null ? undefined : await rate(buildbot);
    const rates: Readonly<Record<string, number | undefined>> = {
      ours: median(samples.ours),
      floor: median(samples.floor),
      buildbot: peer,
    };
    yield beside(`log: ${megabytes} MB, 100 secrets masked`, 'MB/s', (name) => rates[name]);
    // Of a machine that others use as well this says more than the time does. One round more than counts was run.
    const perSecond = (name: 'ours' | 'floor'): number => ((rounds + 1) * megabytes) / used[name];
    yield {
      name: 'log: by CPU time of runner and web; floor: the mini-runner',
      ...{ value: perSecond('ours'), unit: 'MB/s', limit: perSecond('floor') },
      ratio: perSecond('ours') / perSecond('floor'),
    };
    for (const [at, name] of processes.entries()) {
      const value = peakMegabytes(pidOf(name));
      const rest = Math.round(before[at] ?? Number.NaN);
      yield {
        name: `log: peak of ${name}; before ${rest} MB; goal ${goals.megabytes}`,
        ...{ value, unit: 'MB', limit: goals.megabytes, ratio: value / goals.megabytes },
      };
    }
    yield* pages(field);
  } finally {
    await field.stop();
  }
}

/** Megabytes a second of one build, its start and end included. */
async function rate(contestant: Contestant): Promise<number> {
  const build = await contestant.prepare();
  const began = performance.now();
  await contestant.announce(build);
  await until(`the end of ${contestant.name}`, 20, () => contestant.isOver(build));
  const seconds = (performance.now() - began) / 1000;
  if (contestant.name === 'ours') await check(contestant, build);
  return megabytes / seconds;
}

/** @throws when a secret is in the log, or none was masked. */
async function check(contestant: Contestant, build: Build): Promise<void> {
  const start = await contestant.output(build);
  const masks = start.split('[masked]').length - 1;
  if (masks < secrets.size) throw new Error(`${masks} of ${secrets.size} secrets are masked`);
  for (const [name, value] of secrets) {
    if (start.includes(value)) throw new Error(`${name} stands in the log`);
  }
}

async function* pages({ ours }: Field): AsyncGenerator<Figure> {
  const build = await ours.prepare();
  await ours.announce(build);
  await until('the log', 20, () => ours.isOver(build));
  const { total } = await ours.lines(build, 1, 1);
  if (total < lines) throw new Error(`the log has ${total} lines of ${lines}`);
  const times: number[] = [];
  for (let jump = 0; jump < jumps; jump += 1) {
    const from = 1 + Math.floor(Math.random() * (total - pageLines));
    const began = performance.now();
    const page = await ours.lines(build, from, pageLines);
    times.push(performance.now() - began);
    if (page.count !== pageLines) throw new Error(`${page.count} lines at ${from}`);
  }
  const value = p95(times);
  yield {
    name: `log: ${pageLines} lines anywhere in ${total.toLocaleString('en')} (p95)`,
    ...{ value, unit: 'ms', limit: goals.jumpMs, ratio: value / goals.jumpMs },
  };
}
