/** What people ask and answer on a promotion. It decides nothing and voids nothing. */

/** In characters. */
export const longestRemark = 1000;
/** Remarks that one promotion may have. */
export const mostRemarks = 200;
/** Remarks that one person may write in one hour. */
export const mostRemarksAnHour = 20;

export interface Remark {
  /** Rises with each remark of a promotion. */
  readonly id: number;
  /** Id in the roster. */
  readonly person: string;
  readonly text: string;
  readonly at: Date;
}
