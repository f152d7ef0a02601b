import ts from 'typescript';
import { expect, it } from 'vitest';
import { lineOf, type Source, sourcesOf } from './sources.js';

/** Text of calls and constructions of a file, with their lines. */
function callsOf(source: Source): { text: string; line: number }[] {
  const found: { text: string; line: number }[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isCallExpression(node)) {
      found.push({ text: `${node.expression.getText(source.tree)}()`, line: lineOf(source, node) });
    } else if (ts.isNewExpression(node) && (node.arguments?.length ?? 0) === 0) {
      found.push({ text: `new ${node.expression.getText(source.tree)}()`, line: lineOf(source, node) });
    }
    ts.forEachChild(node, visit);
  };
  visit(source.tree);
  return found;
}

/** Only files with one of these texts can have a call that is looked for; the others are not parsed. */
const HINT = /\bDate\b|Math\.random|performance\.now|process\.(hrtime|exit|abort|reallyExit)/;

function uses(sources: readonly Source[], forbidden: RegExp): string[] {
  const hinted = sources.filter(({ text }) => HINT.test(text));
  return hinted.flatMap((source) =>
    callsOf(source)
      .filter(({ text }) => forbidden.test(text))
      .map(({ text, line }) => `${source.path}:${line}: ${text}`),
  );
}

it('the broker and the wire take time and chance from outside', () => {
  expect(
    uses(sourcesOf('broker', 'src/remoting'), /^(Date\.now|Math\.random|new Date|performance\.now|process\.hrtime(\.bigint)?)\(\)$/),
  ).toEqual([]);
});

it('in common only the clock reads time and chance', () => {
  const sources = sourcesOf('src/common').filter(({ path }) => path !== 'src/common/clock.ts');
  expect(uses(sources, /^(Date\.now|Math\.random|new Date)\(\)$/)).toEqual([]);
});

it('only bin and src/cli/exit.ts end the process', () => {
  const sources = sourcesOf('src', 'broker').filter(({ path }) => path !== 'src/cli/exit.ts');
  expect(uses(sources, /^process\.(exit|abort|reallyExit)\(\)$/)).toEqual([]);
});
