/** The records of a batch on their way to queue and index, in order. Objects are reused; only the first `count` entries mean something. */
export class PutBatch {
  count = 0;
  /** Bytes of each record; they lie back to back. */
  readonly sizes: number[] = [];
  readonly tagsCodes: number[] = [];
  /** Index hashes of all messages; those of message i end before `keyEnds[i]`. */
  readonly keyHashes: number[] = [];
  readonly keyEnds: number[] = [];
  #keys = 0;

  begin(): void {
    this.count = 0;
    this.#keys = 0;
  }

  addKeyHash(hash: number): void {
    this.keyHashes[this.#keys++] = hash;
  }

  /** Ends the message whose keys were added. */
  endMessage(size: number, tagsCode: number): void {
    const i = this.count++;
    this.sizes[i] = size;
    this.tagsCodes[i] = tagsCode;
    this.keyEnds[i] = this.#keys;
  }
}
