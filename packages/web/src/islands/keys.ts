/**
 * One key opens one page: pressed outside a field, with no modifier but those that the key itself needs, it follows the link
 * that names it in `aria-keyshortcuts`.
 */
const writing = 'input, textarea, select, [contenteditable]';

addEventListener('keydown', (event) => {
  const { key, target, ctrlKey, altKey, metaKey, repeat, isComposing } = event;
  if (ctrlKey || altKey || metaKey || repeat || isComposing || event.defaultPrevented) return;
  if (target instanceof Element && target.closest(writing) !== null) return;
  for (const link of document.querySelectorAll<HTMLAnchorElement>('a[aria-keyshortcuts]')) {
    if (link.getAttribute('aria-keyshortcuts') !== key) continue;
    event.preventDefault();
    link.click();
    return;
  }
});
