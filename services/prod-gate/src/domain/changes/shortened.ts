/** What a build wrote, as one line of at most so many characters that a page, jsonb and a signed document can carry. */
export function shortened(text: string, most: number): string {
  const cut = text.length > most ? `${text.slice(0, most)}…` : text;
  return cut.toWellFormed().replace(/\p{Cc}/gu, '\uFFFD');
}
