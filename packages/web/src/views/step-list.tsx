import type { ComponentChildren } from 'preact';
import { Status, type Tone } from './badge.tsx';

export interface Step {
  readonly id: string;
  readonly tone: Tone;
  readonly title: ComponentChildren;
  /** How long it took or takes; "–" before it starts. */
  readonly detail: ComponentChildren;
}

/** Steps of a delivery or a run side by side, in order. `step-<id>-detail` takes `text` events of the live stream. */
export function StepList({ steps }: { readonly steps: readonly Step[] }) {
  return (
    <ol class="steps">
      {steps.map(({ id, tone, title, detail }) => (
        <li key={id} class={`step tone-${tone}`}>
          <Status tone={tone}>{title}</Status>
          <div class="muted" id={`step-${id}-detail`}>
            {detail}
          </div>
        </li>
      ))}
    </ol>
  );
}
