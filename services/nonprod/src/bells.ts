/** Names of the doorbells. What is rung is an id and a hint; the database says what there is to do. */
export const schedulerBell = 'airlock:nonprod:scheduler';
export const jobsBell = 'airlock:nonprod:jobs';

/** Rung at the scheduler when a webhook came: look at the repository. */
export const lookAtRepository = 'repository';
/** Rung at the scheduler when a webhook was written down: read it. */
export const lookAtWebhooks = 'webhooks';
/** Rung with a repository's name behind it: look at that one. */
export const lookAtOne = 'repository:';
