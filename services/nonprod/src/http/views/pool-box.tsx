import { Button } from '@airlock/web/views/button';
import { Card } from '@airlock/web/views/card';
import { CheckField, PostForm, SelectField, TextField } from '@airlock/web/views/form';
import type { Frame } from '@airlock/web/views/layout';
import type { PoolRow } from '../../app/pool-ports.ts';
import { isolationModes } from '../../domain/pool.ts';
import { trustLevels, trustWords } from '../../domain/trust-level.ts';
import { linesOf } from '../pool-form.ts';

const isPlatform = (frame: Frame): boolean => frame.viewer?.roles.includes('platform') === true;

export function PoolBox({
  title,
  frame,
  action,
  row,
}: {
  readonly title: string;
  readonly frame: Frame;
  readonly action: string;
  /** Null: a new one. */
  readonly row: PoolRow | null;
}) {
  if (!isPlatform(frame)) {
    return (
      <Card title={title} icon="lock">
        <p>The platform role changes pools; none of your groups gives it to you here.</p>
      </Card>
    );
  }
  const pool = row?.pool ?? null;
  const written = pool === null ? null : linesOf(pool);
  return (
    <Card title={title} icon="server" emphasis>
      <PostForm action={action} csrfToken={frame.csrfToken}>
        <input type="hidden" name="version" value={String(row?.version ?? 0)} />
        {pool === null ? (
          <TextField
            label="Name"
            name="name"
            hint="Letters, digits and _ . -"
            required
            maxLength={63}
          />
        ) : null}
        <SelectField
          label="Trust"
          name="trust"
          value={String(pool?.trust ?? 0)}
          options={trustLevels.map((level) => ({
            value: String(level),
            label: `${level}: ${trustWords[level]}${level < 3 ? ' and above' : ''}`,
          }))}
        />
        <SelectField
          label="Isolation"
          name="isolation"
          value={pool?.isolation ?? 'bubblewrap'}
          options={isolationModes.map((mode) => ({ value: mode, label: mode }))}
        />
        <CheckField
          name="once"
          label="Its runners take one job and end."
          checked={pool?.once ?? true}
        />
        <TextField
          label="Why its runners are used again"
          name="reuse"
          hint="For trust 0, where they do not end after one job: a reason that whoever looks after this installation reads. Empty: they end."
          value={pool?.reuse ?? ''}
          maxLength={300}
        />
        <TextField
          label="Images"
          name="images"
          hint="One a line: name with * and ?, then sha256:… where the pool has trust 2 or 3, then the word plugin where it is one."
          multiline
          {...(written === null ? {} : { value: written.images })}
        />
        <TextField
          label="Labels"
          name="labels"
          hint="NAME=VALUE, one a line; a workflow’s labels choose by them."
          multiline
          {...(written === null ? {} : { value: written.labels })}
        />
        <TextField
          label="Repositories"
          name="repositories"
          hint="Granted to these, one a line."
          multiline
          {...(written === null ? {} : { value: written.repositories })}
        />
        <CheckField
          name="everyone"
          label="Open to every repository, new ones too (trust 0 only)."
          checked={pool?.everyone ?? false}
        />
        <TextField
          label="Jobs at once"
          name="concurrency"
          hint="Empty: as many as it has runners for."
          value={pool?.concurrency == null ? '' : String(pool.concurrency)}
        />
        <TextField
          label="Egress list"
          name="egress"
          hint="Name of a list of places, for people: the places themselves stand in the configuration of its runners. Empty: none."
          value={pool?.egress ?? ''}
          maxLength={63}
        />
        <Button kind="primary" block>
          {pool === null ? 'Make it' : 'Save'}
        </Button>
      </PostForm>
    </Card>
  );
}
