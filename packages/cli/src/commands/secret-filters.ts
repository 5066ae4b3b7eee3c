/** Which builds may read a secret, as options. */
import { InvalidArgumentError, type Command } from 'commander';

export type FilterOptions = {
  readonly event?: string[];
  readonly branch?: string[];
  readonly image?: string[];
  readonly label?: string[];
  readonly protectedOnly?: boolean;
  readonly trust?: number;
  readonly released?: boolean;
  readonly expires?: string;
  readonly rotateEvery?: string;
};

const never = 'never';

export function withFilters(command: Command): Command {
  return command
    .option('--event <event...>', 'such as push tag cron manual pull_request')
    .option('--branch <glob...>', 'branches, or refs such as refs/tags/v*; "" for any')
    .option('--image <glob...>', 'only plugins of these images; "" for any step')
    .option('--label <label...>', 'also repositories with all of these, as team=web; "" for none')
    .option('--protected-only', 'only protected branches and tags')
    .option('--no-protected-only', 'any branch or tag; pull requests need that')
    .option('--trust <0-3>', 'least trust of the pool', wholeNumber)
    .option('--released', 'only runs that a person has released')
    .option('--no-released', 'runs that nobody had to release, too')
    .option('--expires <day>', `a day such as 2027-01-31, or ${never}`, dayOrNever)
    .option('--rotate-every <days>', `days after which it is overdue, or ${never}`, daysOrNever);
}

/** What was named, in the words of the API. */
export function filtersFrom(options: FilterOptions): Record<string, unknown> {
  const { event, branch, image, label, protectedOnly, trust, released, expires, rotateEvery } =
    options;
  const named = (list: string[] | undefined): string[] | undefined =>
    list?.filter((glob) => glob !== '');
  const all = {
    events: event,
    refs: named(branch),
    images: named(image),
    labels: named(label),
    protectedOnly,
    leastTrust: trust,
    approvedOnly: released,
    expiresAt: expires === never ? null : expires && `${expires}T23:59:59Z`,
    rotateEveryDays: rotateEvery === never ? null : rotateEvery && Number(rotateEvery),
  };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
}

function wholeNumber(text: string): number {
  if (/^\d{1,4}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('expected a whole number');
}

function daysOrNever(text: string): string {
  return text === never ? never : String(wholeNumber(text));
}

function dayOrNever(text: string): string {
  if (text === never || /^\d{4}-\d{2}-\d{2}$/.test(text)) return text;
  throw new InvalidArgumentError(`expected a day such as 2027-01-31, or ${never}`);
}
