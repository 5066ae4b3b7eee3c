/** @primer/octicons 19 carries no types; this is the part that icon.tsx reads. */
declare module '@primer/octicons' {
  interface Node {
    readonly name: string;
    readonly attributes: Readonly<Record<string, string>>;
    readonly children: readonly Node[];
  }
  const octicons: Readonly<
    Record<
      string,
      { readonly heights: Readonly<Record<string, { readonly ast: Node }>> } | undefined
    >
  >;
  export default octicons;
}
