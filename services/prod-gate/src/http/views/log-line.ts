import { stripVTControlCharacters } from 'node:util';
import type { LogLine } from '@airlock/web/views/log-view';
import type { DeliveryLogLine } from '../../app/delivery-ports.ts';
import { plain } from './words.ts';

const streamClass = { gate: ['ansi-cyan'], stdout: [], stderr: ['ansi-yellow'] } as const;

/** A line of a hook's output as text: no markup, no links, no terminal sequences. */
export function logLine({ sequence, stream, line }: DeliveryLogLine): LogLine {
  return {
    n: sequence,
    spans: [{ text: plain(stripVTControlCharacters(line)), classes: [...streamClass[stream]] }],
  };
}
