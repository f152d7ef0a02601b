/** Makes generated/selector-parser.js from selector.peggy: run by the build and before tests. */
import fs from 'node:fs';
import path from 'node:path';
import peggy from 'peggy';

const FOLDER = import.meta.dirname;
const TARGET = path.join(FOLDER, 'generated', 'selector-parser.js');

/** Writes the parser when it is missing or older than its grammar. */
export function generateParser() {
  const grammar = path.join(FOLDER, 'selector.peggy');
  if (fs.existsSync(TARGET) && fs.statSync(TARGET).mtimeMs >= fs.statSync(grammar).mtimeMs) return;
  const source = peggy.generate(fs.readFileSync(grammar, 'utf8'), {
    output: 'source',
    format: 'es',
    grammarSource: 'selector.peggy',
    allowedStartRules: ['Selector'],
  });
  // Several builds may run at a time: each puts its own whole file in place.
  const temporary = `${TARGET}.${process.pid}`;
  fs.writeFileSync(temporary, source);
  fs.renameSync(temporary, TARGET);
}
