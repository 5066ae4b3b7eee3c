/** What people ask to change, written down before it is done, so that nothing is done that nobody can look up. */
import { problemFrom } from './problem.ts';

export interface Act {
  readonly requestId: string;
  /** `nameId` of who asks. */
  readonly person: string;
  /** The name of the route. */
  readonly deed: string;
  readonly path: string;
  /** That the request came from. */
  readonly address: string;
  /** Id of the token that a program came with; null for a browser's session. */
  readonly token: string | null;
}

export interface ActOutcome {
  /** Of the answer. */
  readonly status: number;
  /** Of a refusal. */
  readonly code: string | null;
}

export interface ActBook {
  /**
   * When it fails, nothing is done.
   *
   * @param fields of the body, as they came: secrets may be among them.
   */
  begin(act: Act, fields: Readonly<Record<string, unknown>>): Promise<void>;
  /** Once for each act that began; never, when the process ended before. */
  end(requestId: string, outcome: ActOutcome): Promise<void>;
}

/**
 * @param run answers, or throws the refusal; what it throws is thrown on.
 * @param onLost told when the outcome could not be written down; the answer stands.
 */
export async function writeDown(
  book: ActBook,
  { act, fields }: { readonly act: Act; readonly fields: Readonly<Record<string, unknown>> },
  run: () => Promise<{ readonly status: number }>,
  onLost: (error: unknown) => void,
): Promise<void> {
  await book.begin(act, fields);
  try {
    const { status } = await run();
    await book.end(act.requestId, { status, code: null }).catch(onLost);
  } catch (error) {
    const { status, code } = problemFrom(error, act.requestId);
    await book.end(act.requestId, { status, code }).catch(onLost);
    throw error;
  }
}
