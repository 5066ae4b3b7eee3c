import { Button } from '@airlock/web/views/button';
import { SelectField, TextField } from '@airlock/web/views/form';
import { isNarrow, type QueueFilter } from '../../app/narrow-queue.ts';

/** Narrows the queue by target and words. A plain form: the address says what is shown, and can be handed on. */
export function QueueSearch({
  filter,
  targets,
}: {
  readonly filter: QueueFilter;
  readonly targets: readonly string[];
}) {
  const names = [...new Set([...targets, filter.target])].filter((name) => name !== '');
  return (
    <form class="form form-row" method="get" action="/queue" role="search" autocomplete="off">
      <SelectField
        label="Target"
        name="target"
        value={filter.target}
        options={[
          { value: '', label: 'Every target' },
          ...names.map((name) => ({ value: name, label: name })),
        ]}
      />
      <TextField label="Words" name="q" value={filter.words} maxLength={200} />
      <Button>Filter</Button>
      {isNarrow(filter) ? <Button href="/queue">Show all</Button> : null}
    </form>
  );
}
