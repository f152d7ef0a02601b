import { statSync } from 'node:fs';
import { MQError } from '../common/errors.js';
import type { DeliveryCheck } from './delivery-check.js';
import type { SentSequences } from './delivery-ledger.js';
import { judgeDelivery } from './delivery-report.js';
import { checkExpected, readExpected } from './delivery-watch.js';

const LOOK_MS = 100;
/** A producer drains after its last send, and writes its result then. */
const LIMIT_MS = 30_000;

/** What the file said in the end, or why nothing could be read. */
export interface Expected {
  readonly sequences?: SentSequences;
  readonly fault?: MQError;
  /** Nobody waited for what was still on its way. */
  readonly isCut?: true;
}

/** The result of a producer that may still run beside the consumer: it writes the file at its end, perhaps over that of an earlier run. */
export class ExpectedFile {
  readonly #file: string;
  /** Of the file as it was when the run began. */
  readonly #before: string;

  private constructor(file: string) {
    this.#file = file;
    this.#before = versionOf(file);
  }

  /** @throws UsageError for a file that is there and no such result. */
  static async open(file: string | undefined): Promise<ExpectedFile | undefined> {
    await checkExpected(file);
    return file === undefined ? undefined : new ExpectedFile(file);
  }

  /**
   * Waits for the producer's file for up to 30 s, or until the signal says so. A file that was there at the beginning will do when it is about
   * the messages that came.
   * @param check of what came; absent where another process judges
   */
  async read({ check, signal }: { readonly check?: DeliveryCheck; readonly signal?: AbortSignal | undefined }): Promise<Expected> {
    const endMs = performance.now() + LIMIT_MS;
    let seen: string | undefined;
    let expected: Expected = {};
    while (true) {
      const version = versionOf(this.#file);
      if (version !== seen) {
        expected = await this.#content();
        seen = version;
      }
      const { sequences } = expected;
      const isOver = signal?.aborted === true || performance.now() >= endMs;
      if (isOver || (sequences !== undefined && (version !== this.#before || check === undefined || isAbout(sequences, check)))) {
        return expected;
      }
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    }
  }

  async #content(): Promise<Expected> {
    try {
      return { sequences: await readExpected(this.#file) };
    } catch (error) {
      if (error instanceof MQError) {
        return { fault: error };
      }
      throw error;
    }
  }
}

/** Whether what came is all of that run, or all that there was of it: then it is no earlier one. */
function isAbout(expected: SentSequences, check: DeliveryCheck): boolean {
  const own = check.receivedOf(expected.runId);
  return own === check.received || (own > 0 && judgeDelivery(check, { expected }).lost === 0);
}

/** Another text whenever the file was written or replaced; empty while it is not there. */
function versionOf(file: string): string {
  const stats = statSync(file, { throwIfNoEntry: false, bigint: true });
  return stats === undefined ? '' : `${stats.ino} ${stats.mtimeNs} ${stats.size}`;
}
