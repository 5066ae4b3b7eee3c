/**
 * Keeps a page current: `<body data-live="URL">` names a stream of server-sent events.
 *
 * - `change` (any data): the page is out of date. It loads again, unless somebody is writing or signing on it; then a strip says
 *   so and offers to. Sent for changes only, never on connecting, or the page would load for ever.
 * - `text` `{"target": id, "text": string}`: the words of one element are replaced in place.
 * - `end`: nothing more will come.
 */
const strip = document.getElementById('live-status');

function say(text: string | null, action?: string): void {
  if (strip === null) return;
  strip.hidden = text === null;
  strip.textContent = text;
  if (action === undefined) return;
  const button = document.createElement('button');
  button.type = 'button';
  button.className = 'button';
  button.textContent = action;
  button.addEventListener('click', () => {
    location.reload();
  });
  strip.append(' ', button);
}

/** Somebody's words or ceremony would be lost by loading the page again. */
function isInUse(): boolean {
  if (document.querySelector('form[aria-busy=true]') !== null) return true;
  const fields = document.querySelectorAll<HTMLInputElement | HTMLTextAreaElement>(
    'main input:not([type=hidden]), main textarea',
  );
  return (
    document.activeElement?.matches('main input, main textarea, main select') === true ||
    [...fields].some((each) => each.value !== each.defaultValue)
  );
}

/** How long the next page may take before this one is taken to be staying: what is downloaded begins as a link that is followed. */
const leavingMs = 5_000;
let leavingAt = -leavingMs;
addEventListener('beforeunload', () => {
  leavingAt = performance.now();
});

const clock = (): string => `${new Date().toISOString().slice(11, 19)} UTC`;

function follow(url: string): void {
  const stream = new EventSource(url);
  let changed = false;
  let lostAt: string | null = null;

  stream.addEventListener('open', () => {
    // What happened in between was missed; the page says so rather than look current.
    if (lostAt !== null) changed = true;
    if (changed) showChange();
    lostAt = null;
  });
  stream.addEventListener('error', () => {
    lostAt ??= clock();
    if (!changed) say(`Not live since ${lostAt}; trying again.`);
  });

  function showChange(): void {
    changed = true;
    const leaving = leavingAt + leavingMs - performance.now();
    if (isInUse()) say('Something changed.', 'Show');
    // Loading it again would take somebody back who has just followed a link.
    else if (leaving > 0) setTimeout(showChange, leaving);
    else location.reload();
  }
  let soon: ReturnType<typeof setTimeout> | undefined;
  stream.addEventListener('change', () => {
    // Changes come in bursts; one look at the end of a burst is enough.
    clearTimeout(soon);
    soon = setTimeout(showChange, 200);
  });
  stream.addEventListener('text', (event: MessageEvent<string>) => {
    // Written by our own server; see the contract above.
    const { target, text } = JSON.parse(event.data) as { target: string; text: string };
    const element = document.getElementById(target);
    if (element !== null) element.textContent = text;
  });
  stream.addEventListener('end', () => {
    stream.close();
  });
  addEventListener('pagehide', () => {
    stream.close();
  });
}

const url = document.body.dataset['live'];
if (url !== undefined) follow(url);
// A page brought back from the browser's memory has a closed stream and old words.
addEventListener('pageshow', (event) => {
  if (event.persisted) location.reload();
});
