/** What every CI service of a comparison is asked to do, in the same words. */

export type Build = {
  readonly commit: string;
  readonly ref: string;
};

/** One service that builds one repository; what its one step runs was given when it was started. */
export type Contestant = {
  readonly name: 'ours' | 'floor' | 'buildbot';
  /** Puts a commit of its own where the service fetches from. The service hears nothing of it yet. */
  prepare(): Promise<Build>;
  /** Sends the signed webhook of it; settles when the service has taken it. */
  announce(build: Build): Promise<void>;
  /** What the step has printed so far, as a viewer is shown it. */
  output(build: Build): Promise<string>;
  isOver(build: Build): Promise<boolean>;
  /** Hands over what a viewer is shown from now on, as it comes, until the output is at its end. */
  follow(build: Build, onText: (text: string) => void): Promise<void>;
  stop(): Promise<void>;
};

/** Waits until `look` is true, asking again after `pauseMs`. @throws after five minutes. */
export async function until(
  what: string,
  pauseMs: number,
  look: () => Promise<boolean>,
): Promise<void> {
  const deadline = performance.now() + 300_000;
  while (!(await look())) {
    if (performance.now() > deadline) throw new Error(`${what} did not happen within 300 s`);
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
}
