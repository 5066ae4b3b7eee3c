/**
 * Pages by keyboard. What `data-keys` names is reached by those keys, pressed one after the other outside of a field: a link is
 * followed, a field is gone to, `data-keys-do="open"` opens and closes all `details` within, `data-keys-do="first"` goes to the
 * first control within, `data-keys-do="press"` presses the button. `/` is the page's search, `j` and `k` go through `.items`, `u` turns times between UTC and here, `y` copies
 * the page's address, `?` lists what there is. Nothing is ever sent or decided by a key.
 *
 * Single letters can be switched off (WCAG 2.1.4): in that list, for this browser; a button of the footer opens it then.
 */
import { offeredShortcuts, type Shortcut } from './shortcuts.ts';
import { isElsewhere, timesLabel, turnTimes } from './times.ts';

const writing = 'input:not([type="checkbox"]), textarea, select, [contenteditable]';
const setting = 'single-keys';
/** How long after the first of two keys the second one counts. */
const sequenceMs = 1500;
/** How long the page says what was copied. */
const saidMs = 5000;

const isOff = (): boolean => localStorage.getItem(setting) === 'off';

function shortcuts(): Shortcut[] {
  const named: Shortcut[] = [...document.querySelectorAll<HTMLElement>('[data-keys]')].map(
    (element) => ({
      keys: element.dataset['keys'] ?? '',
      label: element.dataset['keysLabel'] ?? element.textContent.trim(),
      run: () => {
        act(element);
      },
    }),
  );
  const search = document.querySelector<HTMLElement>(
    'form[role="search"] input:not([type="hidden"])',
  );
  const rows = document.querySelector('.items .item-title a') !== null;
  const all = [
    ...offeredShortcuts(),
    ...named,
    ...(rows
      ? [
          {
            keys: 'j',
            label: 'Next of the list',
            run: () => {
              move(1);
            },
          },
        ]
      : []),
    ...(rows
      ? [
          {
            keys: 'k',
            label: 'The one before',
            run: () => {
              move(-1);
            },
          },
        ]
      : []),
    ...(search === null
      ? []
      : [
          {
            keys: '/',
            label: 'Search',
            run: () => {
              search.focus();
            },
          },
        ]),
    ...(isElsewhere ? [{ keys: 'u', label: timesLabel(), run: turnTimes }] : []),
    { keys: 'y', label: 'Copy the address of this page', run: () => void copyAddress() },
    { keys: '?', label: 'These keys', run: showHelp },
  ];
  // What an island offers goes before what the page has under the same keys.
  return all.filter(({ keys }, at) => all.findIndex((other) => other.keys === keys) === at);
}

function act(element: HTMLElement): void {
  if (element.dataset['keysDo'] === 'open') {
    const all = [...element.querySelectorAll('details')];
    const open = all.some((each) => !each.open);
    for (const each of all) each.open = open;
  } else if (element.dataset['keysDo'] === 'first') {
    element.querySelector<HTMLElement>('textarea, input:not([type="hidden"]), button')?.focus();
  } else if (element instanceof HTMLAnchorElement || element.dataset['keysDo'] === 'press') {
    element.click();
  } else {
    element.focus();
  }
}

function move(step: 1 | -1): void {
  const links = [...document.querySelectorAll<HTMLAnchorElement>('.items .item-title a')];
  const at = links.findIndex((link) => link === document.activeElement);
  const next = at === -1 ? (step === 1 ? 0 : links.length - 1) : at + step;
  links[Math.min(Math.max(next, 0), links.length - 1)]?.focus();
}

let silence: ReturnType<typeof setTimeout> | undefined;

async function copyAddress(): Promise<void> {
  const status = document.querySelector('#keys-status');
  const { href } = location;
  const said = await navigator.clipboard.writeText(href).then(
    () => `Copied: ${href}`,
    () => `This browser lets no page copy. The address is ${href}`,
  );
  if (status === null) return;
  status.textContent = said;
  clearTimeout(silence);
  silence = setTimeout(() => {
    status.textContent = '';
  }, saidMs);
}

function showHelp(): void {
  const open = document.querySelector<HTMLDialogElement>('#keys-help');
  if (open?.open === true) {
    open.close();
    return;
  }
  open?.remove();
  const dialog = document.createElement('dialog');
  dialog.id = 'keys-help';
  const heading = document.createElement('h2');
  heading.textContent = 'Keys of this page';
  dialog.setAttribute('aria-label', heading.textContent);
  const list = document.createElement('dl');
  for (const { keys, label } of shortcuts()) {
    const term = document.createElement('dt');
    for (const key of keys.split(' ')) {
      const kbd = document.createElement('kbd');
      kbd.textContent = key;
      term.append(kbd, ' ');
    }
    const words = document.createElement('dd');
    words.textContent = label;
    list.append(term, words);
  }
  const choice = document.createElement('label');
  const box = document.createElement('input');
  box.type = 'checkbox';
  box.checked = !isOff();
  box.addEventListener('change', () => {
    localStorage.setItem(setting, box.checked ? 'on' : 'off');
  });
  choice.append(box, ' Use them in this browser');
  const form = document.createElement('form');
  form.method = 'dialog';
  const close = document.createElement('button');
  close.className = 'button';
  close.textContent = 'Close';
  form.append(close);
  dialog.append(heading, list, choice, form);
  document.body.append(dialog);
  dialog.showModal();
}

let before: { readonly key: string; readonly at: number } | null = null;

addEventListener('keydown', (event) => {
  const { key, target, ctrlKey, altKey, metaKey, repeat, isComposing, timeStamp } = event;
  if (ctrlKey || altKey || metaKey || isComposing || event.defaultPrevented) return;
  if (key === 'Shift' || isOff()) return;
  if (target instanceof Element && target.closest(writing) !== null) return;
  const first = before !== null && timeStamp - before.at < sequenceMs ? `${before.key} ` : '';
  before = { key, at: timeStamp };
  const all = shortcuts();
  const found =
    all.find(({ keys }) => first !== '' && keys === first + key) ??
    all.find(({ keys }) => keys === key);
  if (found === undefined || (repeat && found.repeats !== true)) return;
  before = null;
  event.preventDefault();
  found.run();
});

const button = document.querySelector<HTMLButtonElement>('#keys-button');
if (button !== null) {
  button.hidden = false;
  button.addEventListener('click', showHelp);
}
