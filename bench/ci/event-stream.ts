import type { Readable } from 'node:stream';

/** Reads server-sent events until one is called `end` or the stream is over. */
export async function readEvents(
  stream: Readable,
  onEvent: (event: { readonly name: string; readonly data: string }) => void,
): Promise<void> {
  let text = '';
  stream.setEncoding('utf8');
  for await (const chunk of stream) {
    text += String(chunk);
    for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
      const lines = text.slice(0, end).split('\n');
      text = text.slice(end + 2);
      const field = (name: string): string =>
        lines.find((line) => line.startsWith(`${name}: `))?.slice(name.length + 2) ?? '';
      const event = { name: field('event'), data: field('data') };
      if (event.name === 'end') return;
      onEvent(event);
    }
  }
}
