/** Names of the doorbells. What is rung is an id and a hint; the database says what there is to do. */
export const schedulerBell = 'airlock:nonprod:scheduler';
export const jobsBell = 'airlock:nonprod:jobs';

/** Rung at the scheduler when a webhook came: look at the repository. */
export const lookAtRepository = 'repository';
