/** What every process of the gate that speaks of its pages is configured with. */
import { z } from 'zod';

export const GateOrigin = z
  .string()
  .regex(/^https?:\/\/[a-z0-9.-]+(:\d{1,5})?$/, 'expected https://host[:port] without a path')
  .describe(
    "Origin of the gate's pages, such as https://gate.example. Part of every promotion document and the only origin of passkeys; the same in every process of the gate.",
  );
