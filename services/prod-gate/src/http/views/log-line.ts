import type { LogLine } from '@airlock/web/views/log-view';
import type { DeliveryLogLine } from '../../app/ports.ts';
import { plain } from './words.ts';

const streamClass = { gate: ['ansi-cyan'], stdout: [], stderr: ['ansi-yellow'] } as const;

/** Colour sequences are taken out with their parameters; what else is unprintable is shown as what it is. */
const colour = /\u001b\[[\d;]*m/g;

/** A line of a hook's output as text: no markup, no links, no terminal sequences. */
export function logLine({ sequence, stream, line }: DeliveryLogLine): LogLine {
  return {
    n: sequence,
    spans: [{ text: plain(line.replace(colour, '')), classes: [...streamClass[stream]] }],
  };
}
