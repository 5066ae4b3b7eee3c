/** What an approver should look at first, read from the gate's own list of changed files. */
import type { Tone } from '@airlock/web/views/badge';
import type { Promotion } from '../../domain/promotion.ts';
import { count } from './words.ts';

export interface Flag {
  readonly text: string;
  /** `wait` draws the eye. */
  readonly tone?: Tone;
}

const lockFiles =
  /(^|\/)(package-lock\.json|npm-shrinkwrap\.json|yarn\.lock|pnpm-lock\.yaml|go\.sum|Cargo\.lock|poetry\.lock|Gemfile\.lock)$/;

export function flagsOf(promotion: Pick<Promotion, 'delta' | 'pipeline'>): Flag[] {
  const { delta, pipeline } = promotion;
  const paths = delta.files.map(({ path }) => path);
  const migrations = paths.filter((path) => /(^|\/)migrations?\//i.test(path)).length;
  return [
    ...(delta.base === null ? [{ text: 'first delivery', tone: 'wait' as const }] : []),
    ...(migrations === 0
      ? []
      : [{ text: count(migrations, 'migration file'), tone: 'wait' as const }]),
    ...(paths.includes(pipeline)
      ? [{ text: 'build pipeline changed', tone: 'wait' as const }]
      : []),
    ...(paths.some((path) => lockFiles.test(path)) ? [{ text: 'dependencies changed' }] : []),
    { text: count(delta.commitCount, 'commit') },
    { text: changedLines(delta) },
  ];
}

function changedLines({ fileCount, files }: Promotion['delta']): string {
  const added = files.reduce((sum, file) => sum + (file.added ?? 0), 0);
  const removed = files.reduce((sum, file) => sum + (file.removed ?? 0), 0);
  const more = fileCount > files.length ? ' and more' : '';
  return `${count(fileCount, 'file')}, +${added} −${removed}${more}`;
}
