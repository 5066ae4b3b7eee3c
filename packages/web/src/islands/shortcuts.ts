/** How an island has keys of its own: it offers them, and keys.ts alone hears keys, lists them and can be switched off. */
export type Shortcut = {
  /** Pressed one after the other, as `KeyboardEvent.key` names them. */
  readonly keys: string;
  readonly label: string;
  readonly run: () => void;
  /** Goes on while the key is held. */
  readonly repeats?: true;
};

const asking = 'shortcuts';

/** @param of asked whenever a key is pressed. */
export function offerShortcuts(of: () => readonly Shortcut[]): void {
  document.addEventListener(asking, (event) => {
    // Sent by offeredShortcuts alone.
    (event as CustomEvent<Shortcut[]>).detail.push(...of());
  });
}

export function offeredShortcuts(): readonly Shortcut[] {
  const detail: Shortcut[] = [];
  document.dispatchEvent(new CustomEvent(asking, { detail }));
  return detail;
}
