/** Running totals that the sampler looks at. */
export interface Totals {
  puts: number;
  getsFound: number;
  getsMissed: number;
  messagesTransferred: number;
}

export type TotalName = keyof Totals;

const KEPT = 601;

/** One sample a second of running totals, ten minutes of them: the rates of the runtime information. */
export class TpsSampler {
  readonly #times: number[] = [];
  readonly #samples: Totals[] = [];

  sample(nowMs: number, totals: Totals): void {
    this.#times.push(nowMs);
    this.#samples.push({ ...totals });
    if (this.#times.length > KEPT) {
      this.#times.shift();
      this.#samples.shift();
    }
  }

  /** Growth a second over the last 10, 60 and 600 seconds; a window that is not over yet is empty, but for the first. */
  rates(nowMs: number, totals: Totals, names: readonly TotalName[]): string {
    return [10, 60, 600].map((seconds) => this.#rate(nowMs, totals, names, seconds)).join(' ');
  }

  #rate(nowMs: number, totals: Totals, names: readonly TotalName[], seconds: number): string {
    if (this.#times.length === 0) return '';
    let at = this.#times.length - 1;
    while (at > 0 && nowMs - this.#times[at]! < seconds * 1000) at--;
    const ageMs = nowMs - this.#times[at]!;
    if (ageMs < seconds * 1000 && (seconds > 10 || ageMs < 1000)) return '';
    const before = this.#samples[at]!;
    let growth = 0;
    for (const name of names) growth += totals[name] - before[name];
    return javaDouble((growth * 1000) / ageMs);
  }
}

/** A double as Java prints ordinary ones: with a fraction. */
export function javaDouble(value: number): string {
  return Number.isInteger(value) ? value.toFixed(1) : String(value);
}
