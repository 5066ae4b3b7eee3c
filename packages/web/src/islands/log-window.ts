/**
 * A window on a log of any length (views/log-window.tsx says what its addresses answer). Only what is seen is in the document;
 * a browser does not draw an element of twenty million pixels, so that beyond some length the scroll bar is compressed.
 *
 * Its keys are those of `offerShortcuts` below.
 */
import { offerShortcuts } from './shortcuts.ts';

interface Line {
  readonly n: number;
  readonly spans: readonly { readonly text: string; readonly classes: readonly string[] }[];
  readonly at: string | null;
  readonly updates?: number;
  readonly cutBytes?: number;
}
interface Lines {
  readonly total: number;
  readonly lines: readonly Line[];
}

const rowHeight = 20;
const maxHeight = 8_000_000;
const overscan = 20;
const fetchAtOnce = 200;
const maxKept = 20_000;

function open(view: HTMLElement): void {
  const { linesUrl = '', searchUrl = '', streamUrl, failure } = view.dataset;
  const box = view.querySelector<HTMLElement>('.log');
  const list = box?.querySelector('ol');
  if (box === null || list === null || list === undefined) return;
  const status = view.querySelector('[data-log-status]');
  const searchForm = view.querySelector<HTMLFormElement>('[data-log-search]');
  const searchField = searchForm?.querySelector('input');
  const failingLine = failure === undefined ? null : Number(failure);

  let total = Number(view.dataset['total'] ?? 0);
  let isLive = streamUrl !== undefined;
  /** Null before the stream has opened for the first time. */
  let isConnected: boolean | null = null;
  let following = isLive && location.hash.replace('#log', '') === '';
  let showsTimes = false;
  let wraps = false;
  let selected = { from: 0, to: 0 };
  let sought = '';
  let matches: number[] = [];
  let matchAt = -1;
  let searchNote = '';
  const kept = new Map<number, Line>();
  const asked = new Set<number>();

  const sizer = document.createElement('div');
  sizer.className = 'log-sizer';
  box.classList.add('log-windowed');
  box.replaceChildren(sizer);
  sizer.append(list);
  for (const pager of view.querySelectorAll('[data-log-pager]')) pager.remove();

  // Geometry
  const rows = (): number => Math.max(1, Math.floor(box.clientHeight / rowHeight) - 1);
  const lastTop = (): number => Math.max(0, total - rows());
  const range = (): number => Math.max(1, sizer.clientHeight - box.clientHeight);
  const isCompressed = (): boolean => total * rowHeight > maxHeight || wraps;
  const topLine = (): number => {
    const at = isCompressed() ? (box.scrollTop / range()) * lastTop() : box.scrollTop / rowHeight;
    return Math.min(at, lastTop());
  };
  const resize = (): void => {
    sizer.style.height = `${Math.min(maxHeight, total * rowHeight + 4)}px`;
  };
  function showLine(index: number): void {
    const top = Math.max(0, Math.min(lastTop(), index));
    box?.scrollTo({
      top: isCompressed() ? (top / Math.max(1, lastTop())) * range() : top * rowHeight,
    });
    draw();
  }

  // Lines
  function keep(lines: readonly Line[]): void {
    for (const line of lines) kept.set(line.n, line);
    if (kept.size <= maxKept) return;
    const here = topLine();
    for (const n of kept.keys()) if (Math.abs(n - here) > maxKept / 4) kept.delete(n);
  }
  function ask(from: number): void {
    if (asked.has(from)) return;
    asked.add(from);
    const url = new URL(linesUrl, location.href);
    url.searchParams.set('from', String(from));
    url.searchParams.set('count', String(fetchAtOnce));
    fetch(url)
      .then(async (answer) => {
        if (!answer.ok) throw new Error(String(answer.status));
        // Written by our own server; see the contract above.
        const { total: now, lines } = (await answer.json()) as Lines;
        grow(now);
        keep(lines);
        draw();
      })
      .catch(() => {
        say('These lines could not be fetched; scroll to try again.');
      })
      .finally(() => {
        asked.delete(from);
      });
  }
  function grow(now: number): void {
    if (now <= total) return;
    total = now;
    resize();
  }

  // Drawing
  function text(parent: Element, { spans }: Line): void {
    for (const span of spans) {
      const element = document.createElement('span');
      element.className = span.classes.join(' ');
      mark(element, span.text);
      parent.append(element);
    }
  }
  function mark(parent: Element, content: string): void {
    const lower = content.toLowerCase();
    let done = 0;
    if (sought !== '' && lower.length === content.length) {
      for (let at = lower.indexOf(sought); at >= 0; at = lower.indexOf(sought, done)) {
        const hit = document.createElement('mark');
        hit.textContent = content.slice(at, at + sought.length);
        parent.append(content.slice(done, at), hit);
        done = at + sought.length;
      }
    }
    parent.append(content.slice(done));
  }
  function row(n: number): HTMLLIElement {
    const element = document.createElement('li');
    element.id = `L${n}`;
    element.value = n;
    element.classList.toggle('is-linked', n >= selected.from && n <= selected.to);
    element.classList.toggle('is-failure', n === failingLine);
    element.classList.toggle('is-match', n === matches[matchAt]);
    const number = document.createElement('a');
    number.className = 'log-number';
    number.href = `#L${n}`;
    number.textContent = String(n);
    number.setAttribute('aria-label', `Line ${n}`);
    if (n === failingLine) number.id = 'first-failure';
    const content = document.createElement('span');
    element.append(number, content);
    const line = kept.get(n);
    if (line === undefined) {
      content.textContent = '…';
      return element;
    }
    if (showsTimes) {
      const time = document.createElement('time');
      time.textContent = line.at === null ? '–' : `${line.at.slice(11, 23)}Z`;
      time.title = line.at ?? 'not known';
      content.before(time);
    }
    text(content, line);
    for (const note of [
      line.updates === undefined ? '' : `×${line.updates} updates`,
      line.cutBytes === undefined ? '' : `${line.cutBytes} bytes more`,
    ]) {
      if (note === '') continue;
      const element2 = document.createElement('span');
      element2.className = 'log-note';
      element2.textContent = note;
      element.append(element2);
    }
    return element;
  }
  function draw(): void {
    if (box === null || list === null || list === undefined) return;
    const top = topLine();
    const first = Math.max(0, Math.floor(top) - (wraps ? 0 : overscan));
    const last = Math.min(total, Math.floor(top) + rows() + overscan);
    const elements: HTMLLIElement[] = [];
    for (let n = first + 1; n <= last; n += 1) {
      if (!kept.has(n)) ask(Math.floor((n - 1) / fetchAtOnce) * fetchAtOnce + 1);
      elements.push(row(n));
    }
    list.replaceChildren(...elements);
    const offset = wraps ? 0 : (top - first) * rowHeight;
    list.style.transform = `translateY(${Math.max(0, box.scrollTop - offset)}px)`;
    const shownTo = Math.min(total, Math.floor(top) + rows());
    const where =
      total === 0 ? 'No output yet' : `Lines ${Math.floor(top) + 1} to ${shownTo} of ${total}`;
    const live =
      !isLive || isConnected === null ? '' : isConnected ? ' · live' : ' · not live, trying again';
    say(`${searchNote}${where}${live}`);
  }
  function say(words: string): void {
    if (status !== null && status.textContent !== words) status.textContent = words;
  }

  // Following
  const button = (name: string): HTMLButtonElement | null =>
    view.querySelector<HTMLButtonElement>(`[data-log-${name}]`);
  function press(name: string, value: boolean): void {
    button(name)?.setAttribute('aria-pressed', String(value));
  }
  function setFollowing(value: boolean): void {
    following = value && isLive;
    press('follow', following);
    if (following) showLine(total);
  }
  let drawing = false;
  box.addEventListener('scroll', () => {
    if (drawing) return;
    drawing = true;
    requestAnimationFrame(() => {
      drawing = false;
      draw();
    });
  });
  box.addEventListener(
    'wheel',
    ({ deltaY }) => {
      if (deltaY < 0) setFollowing(false);
    },
    { passive: true },
  );

  // Links to lines
  function select(from: number, to: number): void {
    selected = { from: Math.min(from, to), to: Math.max(from, to) };
    const hash = from === to ? `#L${from}` : `#L${selected.from}-L${selected.to}`;
    history.replaceState(null, '', hash);
    setFollowing(false);
    draw();
  }
  function goToHash(): void {
    if (location.hash === '#first-failure' && failingLine !== null) {
      showLine(failingLine - 7);
      box?.scrollIntoView({ block: 'nearest' });
      return;
    }
    const [, from, to = from] = /^#L(\d+)(?:-L(\d+))?$/.exec(location.hash) ?? [];
    if (from === undefined) return;
    selected = { from: Number(from), to: Number(to) };
    setFollowing(false);
    showLine(selected.from - Math.floor(rows() / 2));
    box?.scrollIntoView({ block: 'nearest' });
  }
  list.addEventListener('click', (event) => {
    const link = event.target instanceof Element ? event.target.closest('.log-number') : null;
    if (link === null) return;
    event.preventDefault();
    const n = Number(link.textContent);
    if (event.shiftKey && selected.from > 0) select(selected.from, n);
    else select(n, n);
  });
  addEventListener('hashchange', goToHash);

  // Search
  function showMatch(index: number): void {
    if (matches.length === 0) return;
    matchAt = (index + matches.length) % matches.length;
    setFollowing(false);
    searchNote = `Match ${matchAt + 1} of ${matches.length}${isSearchCut ? ' or more' : ''} · `;
    showLine((matches[matchAt] ?? 1) - Math.floor(rows() / 2));
  }
  let isSearchCut = false;
  async function search(words: string): Promise<void> {
    sought = words.toLowerCase();
    matches = [];
    matchAt = -1;
    searchNote = '';
    if (words === '') {
      draw();
      return;
    }
    say('Searching…');
    const url = new URL(searchUrl, location.href);
    url.searchParams.set('q', words);
    const answer = await fetch(url);
    // Written by our own server; see the contract above.
    const found = (await answer.json()) as { lines: number[]; continueAt: number | null };
    if (sought !== words.toLowerCase()) return;
    matches = found.lines;
    isSearchCut = found.continueAt !== null;
    if (matches.length === 0)
      searchNote = isSearchCut ? 'Not found yet: the log is too long. ' : 'Not found. ';
    const next = matches.findIndex((n) => n > topLine());
    if (matches.length > 0) showMatch(Math.max(0, next));
    else draw();
  }
  function searchOrNext(): void {
    const words = searchField?.value ?? '';
    if (words.toLowerCase() === sought && matches.length > 0) showMatch(matchAt + 1);
    else
      search(words).catch(() => {
        say('The search did not get an answer; try again.');
      });
  }
  if (searchForm !== null) searchForm.hidden = false;
  searchForm?.addEventListener('submit', (event) => {
    event.preventDefault();
    searchOrNext();
  });
  button('previous')?.addEventListener('click', () => {
    showMatch(matchAt - 1);
  });

  // Switches
  const turn = {
    follow: () => {
      setFollowing(!following);
    },
    wrap: () => {
      const here = Math.floor(topLine());
      wraps = !wraps;
      press('wrap', wraps);
      box.classList.toggle('log-wraps', wraps);
      showLine(here);
    },
    times: () => {
      showsTimes = !showsTimes;
      press('times', showsTimes);
      draw();
    },
  };
  for (const [name, act] of Object.entries(turn)) {
    const element = button(name);
    if (element === null) continue;
    element.hidden = false;
    element.addEventListener('click', act);
  }
  const match = (step: 1 | -1) => (): void => {
    showMatch(matchAt + step);
  };
  const line = (step: 1 | -1) => (): void => {
    const n = Math.max(1, Math.min(total, selected.from + step));
    select(n, n);
  };
  const goTo = (index: number) => (): void => {
    showLine(index);
  };
  offerShortcuts(() => [
    { keys: 'n', label: 'Next match in the log', run: match(1), repeats: true },
    { keys: 'N', label: 'The match before', run: match(-1), repeats: true },
    { keys: '/', label: 'Search in the log', run: () => searchField?.focus() },
    ...(failingLine === null
      ? []
      : [{ keys: 'e', label: 'First failing line', run: goTo(failingLine - 7) }]),
    ...(isLive ? [{ keys: 'f', label: 'Follow the log, or not', run: turn.follow }] : []),
    { keys: 'w', label: 'Wrap long lines, or not', run: turn.wrap },
    { keys: 't', label: 'Times of the lines, or none', run: turn.times },
    { keys: 'g g', label: 'Beginning of the log', run: goTo(0) },
    { keys: 'G', label: 'End of the log', run: goTo(total) },
    { keys: 'j', label: 'Next line', run: line(1), repeats: true },
    { keys: 'k', label: 'The line before', run: line(-1), repeats: true },
  ]);

  // The stream
  function listen(url: string): void {
    const address = new URL(url, location.href);
    address.searchParams.set('after', String(total));
    const stream = new EventSource(address);
    stream.addEventListener('open', () => {
      isConnected = true;
      draw();
    });
    stream.addEventListener('error', () => {
      isConnected = false;
      draw();
    });
    stream.addEventListener('lines', (event: MessageEvent<string>) => {
      // Written by our own server; see the contract above.
      const { total: now, lines } = JSON.parse(event.data) as Lines;
      grow(now);
      keep(lines);
      if (following) showLine(total);
      else draw();
    });
    stream.addEventListener('end', () => {
      stream.close();
      isLive = false;
      setFollowing(false);
      const follow = button('follow');
      if (follow !== null) follow.hidden = true;
      draw();
    });
    addEventListener('pagehide', () => {
      stream.close();
    });
  }

  resize();
  if (following) showLine(total);
  else if (location.hash.startsWith('#L') || location.hash === '#first-failure') goToHash();
  else showLine(failingLine === null ? 0 : failingLine - 7);
  addEventListener('resize', draw);
  if (streamUrl !== undefined) listen(streamUrl);
}

for (const view of document.querySelectorAll<HTMLElement>('[data-log-window]')) open(view);
