/** What the hook tried and did not get, as lines of the delivery's log. */

/** A hook that tries for ever must not fill the log that people read. */
const maxLines = 20;

export type Refusals = {
  /** @param what a sentence; masked by the caller's `say`. */
  refuse(as: string, what: string): void;
  /** Says how many were left out; once, at the end. */
  end(): void;
};

export function createRefusals(say: (line: string) => void): Refusals {
  let count = 0;
  return {
    refuse(as, what) {
      count += 1;
      if (count <= maxLines) say(`egress ${as}: ${what}`);
    },
    end() {
      if (count > maxLines) say(`egress: ${count - maxLines} more of these are not listed`);
    },
  };
}

/** Text of the hook's for a line of the log: quoted, without control characters, cut. */
export function quoted(text: string): string {
  const cut = text.length > 200 ? `${text.slice(0, 200)}…` : text;
  return JSON.stringify(cut).replace(
    /[^\x20-\x7e\u2026]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
