/**
 * Lets a log grow: `<ol data-log data-url="URL">` (views/log-view.tsx) names a stream of server-sent events.
 *
 * - `lines` `[{n, spans: [{text, classes}]}]`: appended in order; a line number seen before is left out, so that a stream that
 *   starts again may repeat itself.
 * - `end`: nothing more will come.
 * Text arrives as text and stays text.
 */
interface LogLine {
  readonly n: number;
  readonly spans: readonly { readonly text: string; readonly classes: readonly string[] }[];
}

/** More lines than this are left to the whole log: a browser that holds them all is what makes log pages freeze. */
const maxLinesShown = 5_000;

function lineElement({ n, spans }: LogLine): HTMLLIElement {
  const line = document.createElement('li');
  line.id = `L${n}`;
  line.value = n;
  const number = document.createElement('a');
  number.className = 'log-number';
  number.href = `#L${n}`;
  number.textContent = String(n);
  number.setAttribute('aria-label', `Line ${n}`);
  const content = document.createElement('span');
  for (const { text, classes } of spans) {
    if (classes.length === 0) {
      content.append(text);
      continue;
    }
    const span = document.createElement('span');
    span.className = classes.join(' ');
    span.textContent = text;
    content.append(span);
  }
  line.append(number, content);
  return line;
}

/** Marks the lines of `#L12` or `#L12-L15` and brings the first one into view. */
function showLinkedLines(list: Element): void {
  for (const marked of list.querySelectorAll('.is-linked')) marked.classList.remove('is-linked');
  const [, from, to = from] = /^#L(\d+)(?:-L(\d+))?$/.exec(location.hash) ?? [];
  if (from === undefined) return;
  for (let n = Number(from); n <= Math.min(Number(to), Number(from) + maxLinesShown); n += 1) {
    document.getElementById(`L${n}`)?.classList.add('is-linked');
  }
  document.getElementById(`L${from}`)?.scrollIntoView({ block: 'center' });
}

function grow(list: HTMLOListElement, url: string): void {
  const view = list.closest('.log-view');
  const box = list.parentElement;
  const status = view?.querySelector('[data-log-status]');
  const toggle = view?.querySelector<HTMLButtonElement>('[data-log-follow]');
  const last = list.lastElementChild;
  let lastNumber = last instanceof HTMLLIElement ? last.value : 0;
  // Somebody who opened a link to a line wants to stay there.
  let following = location.hash === '';

  const say = (text: string): void => {
    if (status !== null && status !== undefined) status.textContent = text;
  };
  const setFollowing = (value: boolean): void => {
    following = value;
    toggle?.setAttribute('aria-pressed', String(value));
    if (value) box?.scrollTo({ top: box.scrollHeight });
  };
  if (toggle !== null && toggle !== undefined) {
    toggle.hidden = false;
    toggle.addEventListener('click', () => {
      setFollowing(!following);
    });
  }
  box?.addEventListener(
    'wheel',
    ({ deltaY }) => {
      if (deltaY < 0) setFollowing(false);
    },
    { passive: true },
  );
  setFollowing(following);

  const address = new URL(url, location.href);
  address.searchParams.set('after', String(lastNumber));
  const stream = new EventSource(address);
  stream.addEventListener('open', () => {
    say(lastNumber === 0 ? 'No output yet.' : 'Live.');
  });
  stream.addEventListener('error', () => {
    say('Not live; trying again.');
  });
  stream.addEventListener('lines', (event: MessageEvent<string>) => {
    // Written by our own server; see the contract above.
    const lines = JSON.parse(event.data) as LogLine[];
    const fresh = lines.filter(({ n }) => n > lastNumber);
    list.append(...fresh.map(lineElement));
    lastNumber = fresh.at(-1)?.n ?? lastNumber;
    while (list.childElementCount > maxLinesShown) list.firstElementChild?.remove();
    const first = list.firstElementChild;
    const cut = first instanceof HTMLLIElement && first.value > 1;
    say(cut ? `Live; shown from line ${first.value}.` : 'Live.');
    if (following) box?.scrollTo({ top: box.scrollHeight });
  });
  stream.addEventListener('end', () => {
    stream.close();
    say(`Ended after ${lastNumber} ${lastNumber === 1 ? 'line' : 'lines'}.`);
  });
  addEventListener('pagehide', () => {
    stream.close();
  });
}

for (const list of document.querySelectorAll<HTMLOListElement>('ol[data-log]')) {
  const url = list.dataset['url'];
  if (url !== undefined) grow(list, url);
  showLinkedLines(list);
  addEventListener('hashchange', () => {
    showLinkedLines(list);
  });
}
