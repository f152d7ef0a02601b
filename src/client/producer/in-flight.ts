/** Counts sends on their way and tells when there is none. */
export class InFlight {
  #count = 0;
  #whenIdle: (() => void) | undefined;

  get count(): number {
    return this.#count;
  }

  enter(): void {
    this.#count++;
  }

  leave(): void {
    this.#count--;
    if (this.#count === 0 && this.#whenIdle !== undefined) {
      this.#whenIdle();
      this.#whenIdle = undefined;
    }
  }

  /** Counts some work as long as it runs. */
  async track<T>(work: () => Promise<T>): Promise<T> {
    this.enter();
    try {
      return await work();
    } finally {
      this.leave();
    }
  }

  /** Resolves when nothing is on its way. */
  idle(): Promise<void> {
    return this.#count === 0
      ? Promise.resolve()
      : new Promise((resolve) => {
          this.#whenIdle = resolve;
        });
  }
}
