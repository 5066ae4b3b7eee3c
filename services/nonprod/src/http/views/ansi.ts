import { stripVTControlCharacters } from 'node:util';
import Anser from 'anser';

export interface LogSpan {
  readonly text: string;
  /** Of the sixteen colours and four decorations that the style sheet knows; empty for plain text. */
  readonly classes: readonly string[];
}

const known = new Set([
  ...['black', 'red', 'green', 'yellow', 'blue', 'magenta', 'cyan', 'white'].flatMap((colour) => [
    `ansi-${colour}`,
    `ansi-bright-${colour}`,
  ]),
]);
const decorations = ['bold', 'dim', 'italic', 'underline'];
/** Everything unprintable but tab, and the marks with which text pretends to be other text. */
const unprintable = /(?!\t)[\p{Cc}\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu;

/** One line of a build's output as text with classes; whatever is not colour or weight is dropped. Never markup. */
export function ansiSpans(line: string): LogSpan[] {
  const entries = Anser.ansiToJson(line, { json: true, use_classes: true, remove_empty: true });
  return entries.flatMap((entry) => {
    const text = plainText(entry.content);
    if (text === '') return [];
    // Typed as always there; null where no colour is set.
    const colour: string | null = entry.fg;
    const classes = [
      ...(known.has(colour) ? [colour] : []),
      ...entry.decorations
        .filter((name) => decorations.includes(name))
        .map((name) => `ansi-${name}`),
    ];
    return [{ text, classes }];
  });
}

/** Text without terminal sequences and without characters that change how the rest is read. */
export function plainText(text: string): string {
  return stripVTControlCharacters(text).replace(unprintable, '');
}
