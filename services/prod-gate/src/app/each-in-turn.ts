/**
 * Does `work` for every item, one after another. An item that fails holds up none of the others: the pass goes on, and the
 * first fault is thrown once it is through, for the loop to report.
 */
export async function eachInTurn<Item>(
  items: Iterable<Item>,
  work: (item: Item) => Promise<void>,
): Promise<void> {
  const faults: unknown[] = [];
  for (const item of items) {
    try {
      await work(item);
    } catch (fault) {
      faults.push(fault);
    }
  }
  if (faults.length > 0) throw faults[0];
}
