import { fault, textOf, type Read } from './report.ts';

/** The bytes as JSON, or why not. */
export function readJson(bytes: Uint8Array): Read<unknown> {
  const text = textOf(bytes);
  if (!text.ok) return text;
  try {
    const value: unknown = JSON.parse(text.value.replace(/^\uFEFF/, ''));
    return { ok: true, value };
  } catch (error) {
    return fault(`it is no JSON: ${error instanceof Error ? error.message.slice(0, 200) : ''}`);
  }
}
