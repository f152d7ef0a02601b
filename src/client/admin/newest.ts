/** Keeps the last so many of what it is given. */
export class Newest<T> {
  readonly #ring: T[] = [];
  readonly #size: number;
  #seen = 0;

  constructor(size: number) {
    this.#size = size;
  }

  push(item: T): void {
    this.#ring[this.#seen++ % this.#size] = item;
  }

  /** The oldest of them first. */
  all(): readonly T[] {
    const oldest = this.#seen % this.#size;
    return this.#seen <= this.#size ? this.#ring : [...this.#ring.slice(oldest), ...this.#ring.slice(0, oldest)];
  }
}
