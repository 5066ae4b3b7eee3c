import { XMLParser } from 'fast-xml-parser';
import { fault, textOf, type Read } from './report.ts';

/** Elements as maps of lists by name, attributes with `@`, text as `#text`; nothing is turned into numbers. */
export function readXml(bytes: Uint8Array): Read<unknown> {
  const text = textOf(bytes);
  if (!text.ok) return text;
  // Entities of a document's own are how a small file grows large, and no test tool needs them.
  if (/<!(DOCTYPE|ENTITY)/i.test(text.value)) {
    return fault('it declares a document type, which is not read; leave <!DOCTYPE …> out');
  }
  // The parser takes what ends early for whole; a test run that was killed shall not look like one that passed.
  const root = /<([A-Za-z_][\w.:-]*)/.exec(text.value)?.[1] ?? '';
  const end = text.value.trimEnd();
  if (!end.endsWith(`</${root}>`) && !/^[^<]*(<\?[^>]*\?>\s*)?<[^<]*\/>$/.test(end)) {
    return fault('it is no whole XML document; was the program that wrote it ended early?');
  }
  const parser = new XMLParser({
    ignoreAttributes: false,
    attributeNamePrefix: '@',
    parseTagValue: false,
    parseAttributeValue: false,
    isArray: (_name, _path, _leaf, isAttribute) => !isAttribute,
    maxNestedTags: 64,
  });
  try {
    const value: unknown = parser.parse(text.value);
    return { ok: true, value };
  } catch (error) {
    return fault(
      `it is no XML: ${error instanceof Error ? error.message.slice(0, 200) : 'unreadable'}`,
    );
  }
}
