/** Counters of one producer since it was made; a batch counts as one send. */
export interface ProducerStats {
  /** Requests handed to a connection, repetitions and one-way sends included. */
  readonly attempts: number;
  /** Attempts after the first of their send. */
  readonly retries: number;
  /** Sends that ended with a result, whatever its status. */
  readonly succeeded: number;
  /** Sends that ended with an error. */
  readonly failed: number;
  /** Attempts without a result, by response code of the broker (`2`) or else by error code (`REQUEST_TIMEOUT`). */
  readonly failedAttemptsByCode: Readonly<Record<string, number>>;
  /** Sends that wait for a permit of the back-pressure now. */
  readonly waiting: number;
  /** Replies that came when nobody waited for them any more. */
  readonly lateReplies: number;
}

/** What the parts of a producer count into. */
export class SendStats {
  attempts = 0;
  retries = 0;
  succeeded = 0;
  failed = 0;
  readonly #failedByCode = new Map<string, number>();

  /** One attempt ended without a result. */
  attemptFailed(code: string): void {
    this.#failedByCode.set(code, (this.#failedByCode.get(code) ?? 0) + 1);
  }

  snapshot(more: { waiting: number; lateReplies: number }): ProducerStats {
    return {
      attempts: this.attempts,
      retries: this.retries,
      succeeded: this.succeeded,
      failed: this.failed,
      failedAttemptsByCode: Object.fromEntries([...this.#failedByCode].sort(([a], [b]) => (a < b ? -1 : 1))),
      ...more,
    };
  }
}
