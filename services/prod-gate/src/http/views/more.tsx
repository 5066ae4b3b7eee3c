/** Below a list that is cut: what the counts count and nobody lists. */
export function More({ total, listed }: { readonly total: number; readonly listed: number }) {
  return total > listed ? <p class="muted">and {total - listed} more.</p> : null;
}
