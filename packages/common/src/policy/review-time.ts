/** In what time others look at a delivery that passed without something. */
import { Duration } from './duration.ts';

const longestSeconds = 86_400;

/** Seconds, at most a day. */
export const Review = Duration.refine((seconds) => seconds <= longestSeconds, {
  message: 'others look at it within a day; write 24h or less',
});
