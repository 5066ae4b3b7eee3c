/** `npm run bench -- [--json] [NAME…]`: measures, each figure beside its floor or its peer in the same run. */
import { readdirSync, readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import type { Figure } from './harness.ts';

/** Above this share of stolen time the machine measured its neighbours. */
const maxSteal = 0.1;

const names = readdirSync(import.meta.dirname)
  .filter((file) => /^[a-z-]+\.ts$/.test(file) && !['main.ts', 'harness.ts'].includes(file))
  .map((file) => file.replace(/\.ts$/, ''))
  .sort();

/** Ticks of all processors as Linux counts them; null where there is no such count. */
function processorTicks(): { readonly stolen: number; readonly all: number } | null {
  try {
    const [first = ''] = readFileSync('/proc/stat', 'utf8').split('\n');
    // user nice system idle iowait irq softirq steal; guest time is already in user.
    const ticks = first.trim().split(/\s+/).slice(1, 9).map(Number);
    return { stolen: ticks[7] ?? 0, all: ticks.reduce((sum, tick) => sum + tick, 0) };
  } catch {
    return null;
  }
}

function textOf({ name, value, unit, peer, limit, ratio }: Figure): string {
  const round = (figure: number) => figure.toLocaleString('en', { maximumSignificantDigits: 4 });
  return [
    `  ${name.padEnd(58)} ${round(value).padStart(10)} ${unit}`,
    ...(limit === undefined ? [] : [`limit ${round(limit)}`]),
    ...(peer === undefined ? [] : [`peer ${round(peer)}`]),
    ...(ratio === undefined ? [] : [`ratio ${ratio.toFixed(2)}`]),
  ].join('  ');
}

async function run(name: string, asJson: boolean): Promise<void> {
  // The contract of this directory: every other file exports `bench`.
  const { bench } = (await import(`./${name}.ts`)) as { bench: () => AsyncIterable<Figure> };
  if (!asJson) console.log(name);
  const before = processorTicks();
  for await (const figure of bench()) console.log(asJson ? JSON.stringify(figure) : textOf(figure));
  const after = processorTicks();
  if (before === null || after === null || after.all === before.all) return;
  const steal = (after.stolen - before.stolen) / (after.all - before.all);
  if (steal > maxSteal) {
    console.error(
      `! ${name}: ${(steal * 100).toFixed(0)} % of the processor time was stolen; these figures do not count, run it again`,
    );
  }
}

const { values, positionals } = parseArgs({
  options: { json: { type: 'boolean', default: false } },
  allowPositionals: true,
});
const unknown = positionals.filter((name) => !names.includes(name));
if (unknown.length > 0) {
  console.error(`airlock: no bench ${unknown.join(', ')}; there are ${names.join(', ')}`);
  process.exitCode = 2;
} else {
  for (const name of positionals.length > 0 ? positionals : names) await run(name, values.json);
}
