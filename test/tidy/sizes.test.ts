import ts from 'typescript';
import { expect, it } from 'vitest';
import { lineOf, type Source, sourcesOf } from './sources.js';

const FILE_LINES = 500;
const FUNCTION_LINES = 70;

const sources = sourcesOf('src', 'broker');

/** Parsed before the tests, whose time is limited; a file that is not longer than a function may be has none that is longer. */
const longOnes = sources.filter((source) => source.text.split('\n').length > FUNCTION_LINES && !saysWhyLong(source)).flatMap(longFunctions);

/** Tables of data and a codec's field list may be longer; the head of the file says so in these words. */
function saysWhyLong(source: Source): boolean {
  return /\b(table of data|field list|longer than)\b/i.test(source.text.slice(0, 1500));
}

it(`files have at most ${FILE_LINES} lines`, () => {
  const long = sources
    .map((source) => ({ source, lines: source.text.trimEnd().split('\n').length }))
    .filter(({ source, lines }) => lines > FILE_LINES && !saysWhyLong(source))
    .map(({ source, lines }) => `${source.path}: ${lines} lines`);
  expect(long).toEqual([]);
});

it(`functions have at most ${FUNCTION_LINES} lines`, () => {
  expect(longOnes).toEqual([]);
});

function longFunctions(source: Source): string[] {
  const found: string[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isFunctionLike(node) && 'body' in node && node.body !== undefined) {
      const first = lineOf(source, node);
      const lines = source.tree.getLineAndCharacterOfPosition(node.end).line + 2 - first;
      if (lines > FUNCTION_LINES) {
        found.push(`${source.path}:${first}: ${lines} lines`);
      }
    }
    ts.forEachChild(node, visit);
  };
  visit(source.tree);
  return found;
}
