import { generateParser } from '../broker/filter/generate-parser.js';

/** Makes the parser that is generated, and prints what repeats this run's property tests. */
export function setup(): void {
  generateParser();
  process.stderr.write(`seed of this run: MQKIT_SEED=${process.env.MQKIT_SEED}\n`);
}
