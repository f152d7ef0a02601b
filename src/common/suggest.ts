/**
 * Names that a mistyped one may mean, nearest first; at most three. A name that has all its words, as `sendMessageThreadPoolNums` has those of
 * `sendThreadPoolNums`, is nearer than one that only looks like it.
 */
export function suggest(word: string, names: readonly string[]): string[] {
  const wanted = word.toLowerCase();
  const words = wordsOf(word);
  const limit = Math.max(2, Math.floor(wanted.length / 3));
  return names
    .map((name) => {
      const hasWords = words.length > 1 && hasAll(wordsOf(name), words);
      const edits = distance(wanted, name.toLowerCase(), hasWords ? name.length : limit);
      return { name, edits, rank: hasWords ? 0 : 1 };
    })
    .filter(({ edits, rank }) => rank === 0 || edits <= limit)
    .sort((a, b) => a.rank - b.rank || a.edits - b.edits || (a.name < b.name ? -1 : 1))
    .slice(0, 3)
    .map(({ name }) => name);
}

/** The words of a camel-case name, in lower case. */
function wordsOf(name: string): string[] {
  return name.split(/(?<=[a-z0-9])(?=[A-Z])/).map((word) => word.toLowerCase());
}

/** Whether `words` has all of `wanted`, in their order. */
function hasAll(words: readonly string[], wanted: readonly string[]): boolean {
  let at = 0;
  for (const word of words) {
    if (word === wanted[at]) {
      at++;
    }
  }
  return at === wanted.length;
}

/** Edits (insert, delete, replace, swap of neighbours) between two words; more than `limit` may come back as any larger number. */
function distance(a: string, b: string, limit: number): number {
  if (Math.abs(a.length - b.length) > limit) {
    return limit + 1;
  }
  let before: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const current = [i];
    for (let j = 1; j <= b.length; j++) {
      const cost = a[i - 1] === b[j - 1] ? 0 : 1;
      let best = Math.min(previous[j]! + 1, current[j - 1]! + 1, previous[j - 1]! + cost);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        best = Math.min(best, before[j - 2]! + 1);
      }
      current.push(best);
    }
    before = previous;
    previous = current;
  }
  return previous[b.length]!;
}
