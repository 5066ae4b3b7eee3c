/** What one repository may use of the machines that all share, in a day (UTC) and at once. */

/** What starts runs, as budgets count them. */
export const budgetTriggers = ['push', 'pull_request', 'cron', 'manual'] as const;
export type BudgetTrigger = (typeof budgetTriggers)[number];

/** @param event as in CI_PIPELINE_EVENT. */
export function triggerOf(event: string): BudgetTrigger {
  if (event.startsWith('pull_request')) return 'pull_request';
  if (event === 'cron') return 'cron';
  return event === 'manual' || event === 'deployment' ? 'manual' : 'push';
}

export interface Budget {
  readonly buildsADay: number;
  readonly minutesADay: number;
}

/** Pull requests have less: whoever has an account at the forge can open them. */
export const defaultBudgets: Readonly<Record<BudgetTrigger, Budget>> = {
  push: { buildsADay: 5_000, minutesADay: 20_000 },
  pull_request: { buildsADay: 1_000, minutesADay: 5_000 },
  cron: { buildsADay: 500, minutesADay: 5_000 },
  manual: { buildsADay: 500, minutesADay: 5_000 },
};

export interface Usage {
  readonly builds: number;
  readonly seconds: number;
}

/** Why another run is not started, as a sentence; null: it is. */
export function budgetRefusal(
  repository: string,
  trigger: BudgetTrigger,
  usage: Usage,
  budget: Budget,
): string | null {
  const what = `${repository} by ${trigger}`;
  const mend =
    'It counts anew at 00:00 UTC; the platform role changes it with PUT /api/v1/budgets.';
  if (usage.builds >= budget.buildsADay) {
    return `Not built: ${usage.builds} builds of ${what} were started today, and ${budget.buildsADay} are allowed. ${mend}`;
  }
  const minutes = Math.floor(usage.seconds / 60);
  if (minutes >= budget.minutesADay) {
    return `Not built: builds of ${what} took ${minutes} minutes today, and ${budget.minutesADay} are allowed. ${mend}`;
  }
  return null;
}
