/** Prints what repeats this run's property tests. */
export function setup(): void {
  process.stderr.write(`seed of this run: MQKIT_SEED=${process.env.MQKIT_SEED}\n`);
}
