import type { ComponentChildren } from 'preact';

/** A form that changes something; carries the token without which the server refuses it. */
export function PostForm({
  action,
  csrfToken,
  children,
}: {
  readonly action: string;
  readonly csrfToken: string;
  readonly children: ComponentChildren;
}) {
  return (
    <form class="form" method="post" action={action} autocomplete="off">
      <input type="hidden" name="_csrf" value={csrfToken} />
      {children}
    </form>
  );
}

/** A labelled field; `multiline` gives several lines. */
export function TextField({
  label,
  name,
  hint,
  value,
  multiline = false,
  required = false,
  minLength,
  maxLength,
}: {
  readonly label: string;
  /** Also the id, so that it is different for every field of a page. */
  readonly name: string;
  readonly hint?: string;
  readonly value?: string;
  readonly multiline?: boolean;
  readonly required?: boolean;
  /** The browser sends nothing shorter that somebody typed, so that no text is lost to a refusal. */
  readonly minLength?: number;
  readonly maxLength?: number;
}) {
  const attributes = {
    id: name,
    name,
    required,
    autocomplete: 'off',
    ...(hint === undefined ? {} : { 'aria-describedby': `${name}-hint` }),
    ...(minLength === undefined ? {} : { minLength }),
    ...(maxLength === undefined ? {} : { maxLength }),
  };
  return (
    <div class="field">
      <label htmlFor={name}>{label}</label>
      {multiline ? (
        <textarea {...attributes} rows={3}>
          {value}
        </textarea>
      ) : (
        <input type="text" {...attributes} {...(value === undefined ? {} : { value })} />
      )}
      {hint === undefined ? null : (
        <span class="muted small" id={`${name}-hint`}>
          {hint}
        </span>
      )}
    </div>
  );
}

/** A box to tick, sent as `on`; a form cannot be sent before a required one is ticked. */
export function CheckField({
  label,
  name,
  required = false,
  checked = false,
}: {
  readonly label: string;
  /** Also the id, so that it is different for every field of a page. */
  readonly name: string;
  readonly required?: boolean;
  readonly checked?: boolean;
}) {
  return (
    <label class="check" htmlFor={name}>
      <input
        type="checkbox"
        id={name}
        name={name}
        value="on"
        required={required}
        defaultChecked={checked}
      />
      <span>{label}</span>
    </label>
  );
}

export function SelectField({
  label,
  name,
  options,
  value,
}: {
  readonly label: string;
  /** Also the id, so that it is different for every field of a page. */
  readonly name: string;
  readonly options: readonly { readonly value: string; readonly label: string }[];
  /** Of the option that is chosen at first. Default the first one. */
  readonly value?: string;
}) {
  return (
    <div class="field">
      <label htmlFor={name}>{label}</label>
      <select id={name} name={name}>
        {options.map((option) => (
          <option key={option.value} value={option.value} selected={option.value === value}>
            {option.label}
          </option>
        ))}
      </select>
    </div>
  );
}
