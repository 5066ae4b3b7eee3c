/** Build and hook output: text and classes only, never markup and never links made from it. */

export interface LogSpan {
  readonly text: string;
  /** `ansi-red`, `ansi-bright-red`, `ansi-bold`…: the ones that the style sheet knows. */
  readonly classes: readonly string[];
}

/** Also the element of the log stream's `lines` event, whose data is an array of these. */
export interface LogLine {
  /** 1 or more, growing. */
  readonly n: number;
  readonly spans: readonly LogSpan[];
}

/**
 * A log with numbered lines; with `streamUrl` and the script log.js it grows by itself.
 *
 * The script opens `streamUrl` with `?after=<last n shown>`. The server answers with server-sent events: `lines` (LogLine[])
 * and, when no more will come, `end`.
 */
export function LogView({
  lines,
  label,
  streamUrl,
  wholeUrl,
  empty,
}: {
  readonly lines: readonly LogLine[];
  readonly label: string;
  readonly streamUrl?: string;
  /** The whole log as plain text. */
  readonly wholeUrl?: string;
  readonly empty: string;
}) {
  return (
    <div class="log-view">
      <div class="log-tools">
        <span class="muted" data-log-status>
          {lines.length === 0 ? empty : ''}
        </span>
        {streamUrl === undefined ? null : (
          <button
            type="button"
            class="button"
            data-log-follow
            data-keys="f"
            data-keys-do="press"
            data-keys-label="Follow the log, or not"
            aria-pressed="true"
            hidden
          >
            Follow
          </button>
        )}
        {wholeUrl === undefined ? null : <a href={wholeUrl}>The whole log as text</a>}
      </div>
      <div class="log" role="log" aria-live="off" aria-label={label} tabIndex={0}>
        <ol data-log {...(streamUrl === undefined ? {} : { 'data-url': streamUrl })}>
          {lines.map(({ n, spans }) => (
            <li key={n} id={`L${n}`} value={n}>
              <a href={`#L${n}`} class="log-number" aria-label={`Line ${n}`}>
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
            </li>
          ))}
        </ol>
      </div>
    </div>
  );
}
