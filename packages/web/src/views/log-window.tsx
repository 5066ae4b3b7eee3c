import type { LogSpan } from './log-view.tsx';

/** A line of a build's log; also what the addresses below answer with. */
export interface ShownLine {
  /** 1 or more. */
  readonly n: number;
  readonly spans: readonly LogSpan[];
  /** When it came, RFC 3339; null where that is not known. */
  readonly at: string | null;
  /** How often it was rewritten by carriage returns. */
  readonly updates?: number;
  /** How many bytes of it are not shown. */
  readonly cutBytes?: number;
}

/**
 * A window on a log of any length. Without scripts it shows the lines it is given and links to those before and behind them;
 * the script log-window.js makes it scroll over the whole log, asking for the lines that are seen.
 *
 * - `linesUrl` answers `{total, lines: ShownLine[]}` to `?from=&count=`.
 * - `searchUrl` answers `{lines: number[], continueAt}` to `?q=&from=`.
 * - `streamUrl` is a stream of server-sent events: `lines` (the same as `linesUrl` answers, with the end of the log) whenever
 *   it grew, `end` when no more will come. Its ids are numbers of lines; it takes `?after=`.
 */
export function LogWindow({
  label,
  lines,
  total,
  failure,
  linesUrl,
  searchUrl,
  streamUrl,
  wholeUrl,
  pageUrl,
  empty,
}: {
  readonly label: string;
  readonly lines: readonly ShownLine[];
  readonly total: number;
  /** The line that says why the step failed. */
  readonly failure: number | null;
  readonly linesUrl: string;
  readonly searchUrl: string;
  readonly streamUrl?: string;
  /** All bytes as a file. */
  readonly wholeUrl: string;
  /** This page with these lines; takes `&from=`. */
  readonly pageUrl: string;
  readonly empty: string;
}) {
  const first = lines[0]?.n ?? 1;
  const last = lines.at(-1)?.n ?? 0;
  return (
    <div
      class="log-view"
      data-log-window
      data-total={total}
      data-lines-url={linesUrl}
      data-search-url={searchUrl}
      {...(streamUrl === undefined ? {} : { 'data-stream-url': streamUrl })}
      {...(failure === null ? {} : { 'data-failure': failure })}
    >
      <div class="log-tools">
        <span class="muted" data-log-status role="status">
          {total === 0 ? empty : `Lines ${first} to ${last} of ${total}`}
        </span>
        <form class="log-search" role="search" data-log-search hidden>
          <input type="search" name="q" aria-label="Search in this log" placeholder="Search" />
          <button type="button" class="button" data-log-previous aria-label="Previous match">
            ↑
          </button>
          <button type="submit" class="button" aria-label="Next match">
            ↓
          </button>
        </form>
        {failure === null ? null : (
          <a class="button" href="#first-failure" data-log-failure>
            First failing line
          </a>
        )}
        <button type="button" class="button" data-log-times aria-pressed="false" hidden>
          Times
        </button>
        <button type="button" class="button" data-log-wrap aria-pressed="false" hidden>
          Wrap
        </button>
        {streamUrl === undefined ? null : (
          <button type="button" class="button" data-log-follow aria-pressed="true" hidden>
            Follow
          </button>
        )}
        <a href={wholeUrl}>Download</a>
      </div>
      {first > 1 ? (
        <p data-log-pager>
          <a href={`${pageUrl}&from=${Math.max(1, first - lines.length)}#log`}>Earlier lines</a>
        </p>
      ) : null}
      <div class="log" role="log" aria-live="off" aria-label={label} tabIndex={0}>
        <ol>
          {lines.map((line) => (
            <Line key={line.n} line={line} isFailure={line.n === failure} />
          ))}
        </ol>
      </div>
      {last < total ? (
        <p data-log-pager>
          <a href={`${pageUrl}&from=${last + 1}#log`}>Later lines</a>
        </p>
      ) : null}
    </div>
  );
}

function Line({ line, isFailure }: { readonly line: ShownLine; readonly isFailure: boolean }) {
  const { n, spans, updates, cutBytes } = line;
  return (
    <li id={`L${n}`} value={n} {...(isFailure ? { class: 'is-failure' } : {})}>
      <a
        href={`#L${n}`}
        class="log-number"
        aria-label={`Line ${n}`}
        {...(isFailure ? { id: 'first-failure' } : {})}
      >
        {n}
      </a>
      <span>
        {spans.map(({ text, classes }, index) =>
          classes.length === 0 ? (
            text
          ) : (
            <span key={index} class={classes.join(' ')}>
              {text}
            </span>
          ),
        )}
      </span>
      {updates === undefined ? null : <span class="log-note">×{updates} updates</span>}
      {cutBytes === undefined ? null : <span class="log-note">{cutBytes} bytes more</span>}
    </li>
  );
}
