import { UsageError } from '../../common/errors.js';

/**
 * The words of a command line, as a POSIX shell splits them: blanks, single and double quotes, backslashes. Nothing is expanded, and no
 * shell ever sees the text.
 */
export function commandWords(text: string): string[] {
  const words: string[] = [];
  let word: string | null = null;
  for (let i = 0; i < text.length; i++) {
    const char = text.charAt(i);
    if (char === "'" || char === '"') {
      const end = closingQuote(text, i);
      word = (word ?? '') + (char === "'" ? text.slice(i + 1, end) : text.slice(i + 1, end).replace(/\\(["\\$`])/g, '$1'));
      i = end;
    } else if (char === '\\' && i + 1 < text.length) {
      word = (word ?? '') + text.charAt(++i);
    } else if (/\s/.test(char)) {
      if (word !== null) {
        words.push(word);
      }
      word = null;
    } else {
      word = (word ?? '') + char;
    }
  }
  return word === null ? words : [...words, word];
}

function closingQuote(text: string, start: number): number {
  const quote = text.charAt(start);
  for (let i = start + 1; i < text.length; i++) {
    if (text.charAt(i) === quote) {
      return i;
    }
    i += quote === '"' && text.charAt(i) === '\\' ? 1 : 0;
  }
  // The text may have a key in it.
  throw new UsageError(`the command has a ${quote} at character ${start + 1} that is not closed`);
}
