/** What an approver should look at first, read from what the gate itself found in the changes. */
import type { Tone } from '@airlock/web/views/badge';
import type { Firsts } from '../../domain/firsts.ts';
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
  readonly firsts: Firsts;
  readonly newer: NewerCommits | null;
  readonly previous: FlaggedView['promotion'] | null;
};

export function flagsOf({ promotion, firsts, newer, previous }: FlaggedView): Flag[] {
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
    ...(firsts.authors.length === 0 ? [] : [wait(count(firsts.authors.length, 'new author'))]),
    ...(firsts.images.length === 0 ? [] : [wait('first build on this image')]),
    ...dependencyFlags(dependencies),
    ...artifactFlags(delta),
    { text: `${count(delta.commitCount, 'commit')}${isWayBack(promotion) ? ' taken back' : ''}` },
    { text: changedLines(delta) },
    sizeFlag(promotion, previous),
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

/** Of the first delivery nothing is new: there is nothing that it is compared with. */
function artifactFlags({ base, artifact }: Promotion['delta']): Flag[] {
  if (artifact === undefined) return [];
  const { unread, programs, writable, image, sbom } = artifact;
  // Of one that was not read nothing is known that could have changed.
  const read = image?.unread === undefined ? image : undefined;
  const texts = [
    ...(unread === null ? [] : ['artifact not compared']),
    ...(image?.unread === undefined ? [] : ['container image unread']),
    ...(read === undefined || base === null || read.baseBefore === read.baseAfter
      ? []
      : ['base image changed']),
    ...(read === undefined || base === null || read.runsBefore === read.runsAfter
      ? []
      : ['image runs something else']),
    ...(base === null || programs === 0 ? [] : [`${count(programs, 'program')} new or changed`]),
    ...(writable === 0 ? [] : [`${count(writable, 'file')} that anybody may write to`]),
    ...(sbom.unread.length === 0 ? [] : [`${count(sbom.unread.length, 'SBOM')} unread`]),
    ...(sbom.unread.length === 0 && sbom.before !== null && sbom.after === null
      ? ['no SBOM any more']
      : []),
    ...(base === null || sbom.added === 0 ? [] : [count(sbom.added, 'new component')]),
    ...(sbom.relicensed === 0
      ? []
      : [`${count(sbom.relicensed, 'component')} under another licence`]),
  ];
  return texts.map((text) => ({ text, tone: 'wait' }));
}

/** From here on a change of size wants a look, in percent of what is live. */
const remarkablePercent = 25;

function sizeFlag(
  { artifactSize }: FlaggedView['promotion'],
  previous: FlaggedView['previous'],
): Flag {
  const text = `artifact ${fileSize(artifactSize)}`;
  if (previous === null || previous.artifactSize === 0) return { text };
  const percent = ((artifactSize - previous.artifactSize) / previous.artifactSize) * 100;
  const rounded = percent.toFixed(1).replace('-', '−');
  return {
    text: `${text} (${percent >= 0 ? '+' : ''}${rounded} %)`,
    ...(Math.abs(percent) < remarkablePercent ? {} : { tone: 'wait' }),
  };
}

function changedLines({ fileCount, files }: Promotion['delta']): string {
  const added = files.reduce((sum, file) => sum + (file.added ?? 0), 0);
  const removed = files.reduce((sum, file) => sum + (file.removed ?? 0), 0);
  const more = fileCount > files.length ? ' and more' : '';
  return `${count(fileCount, 'file')}, +${added} −${removed}${more}`;
}
