/** Words and numbers as the pages show them. */
import type { EgressReport } from '@airlock/common/wire/isolation';
import type { CandidateSummary, PromotionSummary, RunSummary } from '../../app/page-queries.ts';
import type { RunState, StepState } from '../../domain/run.ts';

export function duration(from: Date | null, to: Date | null): string {
  if (from === null || to === null) return '';
  const exact = Math.max(0, to.getTime() - from.getTime()) / 1000;
  if (exact < 9.95) return `${exact.toFixed(1)} s`;
  const seconds = Math.round(exact);
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  return minutes < 60
    ? `${minutes} min ${seconds % 60} s`
    : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

export function fileSize(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`;
  if (bytes < 1024 ** 2) return `${(bytes / 1024).toFixed(1)} KiB`;
  if (bytes < 1024 ** 3) return `${(bytes / 1024 ** 2).toFixed(1)} MiB`;
  return `${(bytes / 1024 ** 3).toFixed(2)} GiB`;
}

/** What a job sent and fetched through its way out. */
export function egressWords({ allowed, refused, bytesIn, bytesOut }: EgressReport): string {
  const made = allowed === 1 ? '1 connection' : `${allowed} connections`;
  const denied = refused === 0 ? '' : `, ${refused} refused`;
  return `${made}${denied}; ${fileSize(bytesIn)} in, ${fileSize(bytesOut)} out`;
}

export function shortCommit(commit: string): string {
  return commit.slice(0, 10);
}

export function sourceOf(run: Pick<RunSummary, 'pullRequest' | 'branch'>): string {
  return run.pullRequest === null ? run.branch : `pull request #${run.pullRequest}`;
}

/** How serious a state looks: the four colours that the style sheet knows. */
export type Tone = 'good' | 'bad' | 'wait' | 'busy' | 'plain';

const runTones: Readonly<Record<RunState, Tone>> = {
  queued: 'wait',
  running: 'busy',
  passed: 'good',
  failed: 'bad',
  cancelled: 'plain',
  held: 'wait',
};
export function runTone(state: RunState): Tone {
  return runTones[state];
}

const stepTones: Readonly<Record<StepState, Tone>> = {
  queued: 'wait',
  running: 'busy',
  passed: 'good',
  failed: 'bad',
  skipped: 'plain',
  'timed-out': 'bad',
  cancelled: 'plain',
};
export function stepTone(state: StepState): Tone {
  return stepTones[state];
}

/** One sentence on where a request stands, in the gate's own words where it has spoken. */
export function promotionSentence(promotion: PromotionSummary): { tone: Tone; text: string } {
  if (promotion.state === 'refused') {
    return {
      tone: 'bad',
      text: promotion.stateReason ?? 'The signer refused to sign the request.',
    };
  }
  if (promotion.status !== null) {
    return { tone: gateTones[promotion.status.state], text: promotion.status.text };
  }
  return promotion.state === 'asked'
    ? { tone: 'wait', text: 'Asked. The request is being signed.' }
    : { tone: 'wait', text: 'Signed and laid out. Waiting for the gate to pick it up.' };
}

const gateTones: Readonly<Record<NonNullable<PromotionSummary['status']>['state'], Tone>> = {
  received: 'busy',
  refused: 'bad',
  waiting: 'wait',
  delivering: 'busy',
  live: 'good',
  failed: 'bad',
  indeterminate: 'bad',
  expired: 'plain',
  superseded: 'plain',
  rejected: 'bad',
};

/** From where a runner may speak. */
export function placesText(networks: readonly string[]): string {
  return networks.length === 0 ? 'anywhere' : `${networks.join(', ')} alone`;
}

/** Which SLSA level the signing key of a build stands for, and what follows from it. */
export function provenanceLevel(builder: CandidateSummary['builder']): string {
  return builder === 'main'
    ? 'signed as a build of main (builder main@v1); the gate may admit it'
    : 'signed as a build of a branch or pull request (builder pr@v1); no target admits it';
}
