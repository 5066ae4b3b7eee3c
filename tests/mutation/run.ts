/**
 * The mutation run: each refusal of the kernel is left out in turn, and each condition is turned, and a case has to notice.
 * Otherwise the refusal or the condition could be lost tomorrow and every test would still pass.
 */
import { equivalentConditions, layeredCodes, layeredRefusals } from './excuses.ts';
import type { Site } from './instrument.ts';
import { loadMutableKernel, type MutableKernel } from './kernel.ts';
import { allTrials, type Trial } from './trials.ts';

export type Area = 'verify' | 'approval';

export type MutationReport = {
  readonly lines: readonly string[];
  /** What makes the run fail: survivors without an excuse, and excuses that excuse nothing. */
  readonly failures: readonly string[];
};

/** `through`: what must be refused was accepted. `noticed`: a trial gave something else than it must. */
type Fate =
  | { readonly fate: 'through' | 'noticed'; readonly by: string; readonly result: string }
  | { readonly fate: 'survived' };

export async function runMutants(areas: readonly Area[]): Promise<MutationReport> {
  const kernel = await loadMutableKernel();
  const trials = allTrials(kernel.module);
  const reached = coverage(kernel, trials);
  const chosen = kernel.sites.filter((site) => areas.includes(areaOf(site)));
  const refusals = chosen.filter(({ kind }) => kind === 'refusal');
  const conditions = chosen.filter(({ kind }) => kind === 'condition');
  const fateOf = (site: Site) => fate(kernel, [site.id], reached.get(site.id) ?? []);

  const codes = [...new Set(refusals.map(({ code }) => code ?? ''))].sort();
  const reports = [
    report('codes', codes, layeredCodes, (code) => ({
      key: code,
      shown: code,
      needs: 'through',
      fate: fateOfCode(kernel, code, reached),
    })),
    report('refusals, one at a time', refusals, layeredRefusals, (site) => ({
      key: keyOf(site),
      shown: `${site.code ?? ''} ${site.file}:${site.line}`,
      needs: 'through',
      fate: fateOf(site),
    })),
    report('conditions', conditions, equivalentConditions, (site) => ({
      key: keyOf(site),
      shown: `${site.file}:${site.line} ${site.text}`,
      needs: 'noticed',
      fate: fateOf(site),
    })),
  ];
  const noticed = reports[2]?.noticed ?? 0;
  const score = `${noticed} of ${conditions.length} conditions noticed (${((100 * noticed) / conditions.length).toFixed(1)} %), the others listed with their reason`;
  return {
    lines: [...reports.flatMap(({ lines }) => lines), score],
    failures: reports.flatMap(({ failures }) => failures),
  };
}

/** The files of approvals are one area, everything that bundles go through is the other. */
function areaOf({ file }: Site): Area {
  return file.startsWith('approval/') ? 'approval' : 'verify';
}

/** How the lists of excuses name a site: without its line, which moves. */
export function keyOf({ file, text }: Site): string {
  return `${file}: ${text}`;
}

/** Which trials come by which site, the quickest first. @throws Error where a trial fails with nothing switched. */
function coverage(
  kernel: MutableKernel,
  trials: readonly Trial[],
): ReadonlyMap<number, readonly Trial[]> {
  const timed = trials.map((trial) => {
    const started = performance.now();
    const { result, seen } = kernel.run([], trial.run);
    if (result !== trial.expect) {
      throw new Error(`${trial.name}: ${trial.expect} expected, ${result} found`);
    }
    return { trial, seen, took: performance.now() - started };
  });
  timed.sort((one, other) => one.took - other.took);
  const reached = new Map<number, Trial[]>();
  for (const { trial, seen } of timed) {
    for (const site of seen) reached.set(site, [...(reached.get(site) ?? []), trial]);
  }
  return reached;
}

function fateOfCode(
  kernel: MutableKernel,
  code: string,
  reached: ReadonlyMap<number, readonly Trial[]>,
): Fate {
  const ids = kernel.sites.filter((site) => site.code === code).map(({ id }) => id);
  return fate(kernel, ids, [...new Set(ids.flatMap((id) => reached.get(id) ?? []))]);
}

/** A refusal is reached only by what it refuses, so `through` is looked for to the end; a condition ends at the first. */
function fate(kernel: MutableKernel, ids: readonly number[], trials: readonly Trial[]): Fate {
  const isRefusal = kernel.sites.some((site) => site.kind === 'refusal' && ids.includes(site.id));
  let found: Fate = { fate: 'survived' };
  for (const { name, expect, run } of trials) {
    const { result } = kernel.run(ids, run);
    if (result === expect) continue;
    if (result === 'OK') return { fate: 'through', by: name, result };
    found = { fate: 'noticed', by: name, result };
    if (!isRefusal) return found;
  }
  return found;
}

type Verdict = {
  readonly key: string;
  readonly shown: string;
  readonly needs: 'through' | 'noticed';
  readonly fate: Fate;
};

function report<Subject>(
  title: string,
  subjects: readonly Subject[],
  excuses: ReadonlyMap<string, string>,
  judge: (subject: Subject) => Verdict,
) {
  const lines = [`${title}:`];
  const failures: string[] = [];
  let noticed = 0;
  for (const { key, shown, needs, fate: found } of subjects.map(judge)) {
    const excuse = excuses.get(key);
    const isEnough = found.fate === 'through' || found.fate === needs;
    const result =
      found.fate === 'survived' ? 'nothing changes' : `${found.by} gives ${found.result}`;
    if (found.fate !== 'survived') noticed += 1;
    if (isEnough && excuse === undefined) lines.push(`  ${shown}  killed: ${result}`);
    else if (!isEnough && excuse !== undefined)
      lines.push(`  ${shown}  layered: ${excuse} (${result})`);
    else {
      const problem = isEnough
        ? `has an excuse and needs none: ${result}`
        : `is not missed: ${result}`;
      lines.push(`  ${shown}  ${problem}`);
      failures.push(`${key} ${problem}`);
    }
  }
  return { lines, failures, noticed };
}
