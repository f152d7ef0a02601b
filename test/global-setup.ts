import { generateParser } from '../broker/filter/generate-parser.js';
import { generatePage } from '../src/bench/report/generate-page.js';

/** Makes the sources that are generated, and prints what repeats this run's property tests. */
export function setup(): void {
  generateParser();
  generatePage();
  process.stderr.write(`seed of this run: MQKIT_SEED=${process.env.MQKIT_SEED}\n`);
}
