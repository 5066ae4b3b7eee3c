/** What an approver should look at first, read from what the gate itself found in the changes. */
import type { Tone } from '@airlock/web/views/badge';
import type { NewerCommits } from '../../domain/newer.ts';
import type { Promotion } from '../../domain/promotion.ts';
import { count, fileSize } from './words.ts';

export interface Flag {
  readonly text: string;
  /** `wait` draws the eye, `fix` says that somebody already found it wrong. */
  readonly tone?: Tone;
}

export type FlaggedView = {
  readonly promotion: Pick<
    Promotion,
    'returns' | 'delta' | 'pipeline' | 'artifactSize' | 'hook' | 'policyDigest' | 'builderId'
  >;
  readonly newer: NewerCommits | null;
  readonly previous: FlaggedView['promotion'] | null;
};

export function flagsOf({ promotion, newer, previous }: FlaggedView): Flag[] {
  const { delta, pipeline } = promotion;
  const { dependencies, migrations } = delta.details ?? {};
  const wait = (text: string): Flag => ({ text, tone: 'wait' });
  const reverted = newer?.reverts.length ?? 0;
  const risky = migrations?.list.filter(({ warns }) => warns.length > 0).length ?? 0;
  return [
    ...(reverted === 0
      ? []
      : [{ text: `${count(reverted, 'commit')} taken back on main since`, tone: 'bad' as const }]),
    ...(delta.base === null ? [wait('first delivery')] : []),
    ...(migrations === undefined || migrations.count === 0
      ? []
      : [wait(count(migrations.count, 'migration'))]),
    ...(risky === 0 ? [] : [wait(`${count(risky, 'migration')} with no way back for data`)]),
    ...(delta.files.some(({ path }) => path === pipeline) ? [wait('build pipeline changed')] : []),
    ...(previous !== null && previous.hook !== promotion.hook ? [wait('hook changed')] : []),
    ...(previous !== null && previous.policyDigest !== promotion.policyDigest
      ? [wait('target file changed')]
      : []),
    ...(previous !== null && previous.builderId !== promotion.builderId
      ? [wait('another builder')]
      : []),
    ...dependencyFlags(dependencies),
    { text: `${count(delta.commitCount, 'commit')}${isWayBack(promotion) ? ' taken back' : ''}` },
    { text: changedLines(delta) },
    { text: `artifact ${fileSize(promotion.artifactSize)}${growth(promotion, previous)}` },
  ];
}

/** Of a return to an earlier place on main the commits that go away are listed: it brings none. */
export const isWayBack = ({ returns, delta }: Pick<Promotion, 'returns' | 'delta'>): boolean =>
  returns !== null && delta.emails.length === 0;

function dependencyFlags(
  found: NonNullable<Promotion['delta']['details']>['dependencies'] | undefined,
): Flag[] {
  if (found === undefined) return [];
  const { added, changed, removed, unread } = found;
  return [
    ...(added === 0 ? [] : [{ text: count(added, 'new package'), tone: 'wait' as const }]),
    ...(unread.length === 0
      ? []
      : [{ text: `${count(unread.length, 'lockfile')} unread`, tone: 'wait' as const }]),
    ...(changed === 0 ? [] : [{ text: `${count(changed, 'package')} moved` }]),
    ...(removed === 0 ? [] : [{ text: `${count(removed, 'package')} dropped` }]),
  ];
}

function growth(
  { artifactSize }: FlaggedView['promotion'],
  previous: FlaggedView['previous'],
): string {
  if (previous === null || previous.artifactSize === 0) return '';
  const percent = ((artifactSize - previous.artifactSize) / previous.artifactSize) * 100;
  const rounded = percent.toFixed(1).replace('-', '−');
  return ` (${percent >= 0 ? '+' : ''}${rounded} %)`;
}

function changedLines({ fileCount, files }: Promotion['delta']): string {
  const added = files.reduce((sum, file) => sum + (file.added ?? 0), 0);
  const removed = files.reduce((sum, file) => sum + (file.removed ?? 0), 0);
  const more = fileCount > files.length ? ' and more' : '';
  return `${count(fileCount, 'file')}, +${added} −${removed}${more}`;
}
