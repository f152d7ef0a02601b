import { MQError } from '../../common/errors.js';
import { compareText, type MessageQueue } from '../message-queue.js';
import type { MessageView } from './message-view.js';

/** What a queue answers. `idle`: it has been read as far as it goes, and more may come; `done`: nothing will come. */
export interface QueueAnswer {
  readonly messages: readonly MessageView[];
  readonly state: 'more' | 'idle' | 'done';
}

/** A queue that is read from some offset on. */
export interface QueueSource {
  readonly queue: MessageQueue;
  /**
   * The next messages; a queue that is idle answers when something came, or after a while without.
   * @param onStuck is called when the answer may not come for long: the others are not to wait for it
   */
  pull(onStuck: () => void): Promise<QueueAnswer>;
}

/** A queue that could not be read to its end. */
export interface QueueFailure {
  readonly queue: MessageQueue;
  readonly error: MQError;
}

interface Cursor<S extends QueueSource = QueueSource> {
  readonly source: S;
  batch: readonly MessageView[];
  index: number;
  /** Pulled while the batch before it is given out. */
  ahead: readonly MessageView[] | null;
  state: QueueAnswer['state'];
  /** The others wait for its next message. */
  blocks: boolean;
  pulling: boolean;
  /** What is being pulled may not come for long. */
  isStuck: boolean;
}

interface QueueMergeInit<S> {
  readonly signal?: AbortSignal | undefined;
  /** A queue could not be read to its end; it may be added again. */
  onFailed?(source: S, error: MQError): void;
}

/**
 * Puts the messages of several queues into the order of their store times. Holds two answers of a queue at most, and asks for no more
 * before they are taken. Queues that are idle are not waited for: what comes there later is then given out when it comes.
 */
export class QueueMerge<S extends QueueSource = QueueSource> {
  readonly #signal: AbortSignal | undefined;
  readonly #onFailed: QueueMergeInit<S>['onFailed'];
  readonly #heap: Cursor<S>[] = [];
  #blocking = 0;
  #running = 0;
  #closed = false;
  #wake: () => void = () => undefined;
  #defect: unknown;

  constructor({ signal, onFailed }: QueueMergeInit<S> = {}) {
    this.#signal = signal;
    this.#onFailed = onFailed;
  }

  add(source: S): void {
    const cursor: Cursor<S> = { source, batch: [], index: 0, ahead: null, state: 'more', blocks: true, pulling: false, isStuck: false };
    this.#blocking++;
    this.#running++;
    this.#pull(cursor);
  }

  /** Ends with the last queue, or when the signal comes. */
  async *messages(): AsyncGenerator<MessageView> {
    const wake = (): void => this.#wake();
    this.#signal?.addEventListener('abort', wake);
    try {
      while (this.#signal?.aborted !== true) {
        if (this.#defect !== undefined) {
          throw this.#defect;
        }
        if (this.#blocking === 0 && this.#heap.length > 0) {
          yield this.#take();
        } else if (this.#running === 0 && this.#heap.length === 0) {
          return;
        } else {
          await new Promise<void>((resolve) => {
            this.#wake = resolve;
          });
        }
      }
    } finally {
      this.#closed = true;
      this.#signal?.removeEventListener('abort', wake);
    }
  }

  #take(): MessageView {
    const cursor = this.#heap[0] as Cursor<S>;
    const message = cursor.batch[cursor.index++] as MessageView;
    if (cursor.index < cursor.batch.length) {
      siftDown(this.#heap);
      return message;
    }
    const last = this.#heap.pop() as Cursor<S>;
    if (this.#heap.length > 0) {
      this.#heap[0] = last;
      siftDown(this.#heap);
    }
    cursor.batch = [];
    if (cursor.ahead !== null) {
      this.#open(cursor, cursor.ahead);
    } else if (cursor.state === 'more') {
      if (!cursor.isStuck) {
        cursor.blocks = true;
        this.#blocking++;
      }
      this.#pull(cursor);
    }
    return message;
  }

  #open(cursor: Cursor<S>, messages: readonly MessageView[]): void {
    cursor.batch = messages;
    cursor.index = 0;
    cursor.ahead = null;
    this.#heap.push(cursor);
    siftUp(this.#heap);
    this.#unblock(cursor);
    this.#pull(cursor);
  }

  #unblock(cursor: Cursor<S>): void {
    if (cursor.blocks) {
      cursor.blocks = false;
      this.#blocking--;
    }
  }

  #pull(cursor: Cursor<S>): void {
    if (!cursor.pulling && !this.#closed && cursor.state !== 'done' && cursor.ahead === null) {
      cursor.pulling = true;
      cursor.source
        .pull(() => this.#stuck(cursor))
        .then(
          (answer) => this.#answered(cursor, answer),
          (error: unknown) => this.#failed(cursor, error),
        );
    }
  }

  #stuck(cursor: Cursor<S>): void {
    cursor.isStuck = true;
    this.#unblock(cursor);
    this.#wake();
  }

  #answered(cursor: Cursor<S>, { messages, state }: QueueAnswer): void {
    cursor.pulling = false;
    cursor.isStuck = false;
    cursor.state = state;
    if (state === 'done') {
      this.#running--;
    }
    if (messages.length === 0) {
      if (state !== 'more') {
        this.#unblock(cursor);
      }
      this.#pull(cursor);
    } else if (cursor.batch.length === 0) {
      this.#open(cursor, messages);
    } else {
      cursor.ahead = messages;
    }
    this.#wake();
  }

  #failed(cursor: Cursor<S>, error: unknown): void {
    cursor.pulling = false;
    cursor.state = 'done';
    this.#running--;
    this.#unblock(cursor);
    if (error instanceof MQError) {
      if (!this.#closed) {
        this.#onFailed?.(cursor.source, error);
      }
    } else {
      this.#defect = error;
    }
    this.#wake();
  }
}

function isBefore(a: Cursor, b: Cursor): boolean {
  const [left, right] = [a.batch[a.index] as MessageView, b.batch[b.index] as MessageView];
  const order =
    left.storeTimestamp - right.storeTimestamp ||
    compareText(a.source.queue.brokerName, b.source.queue.brokerName) ||
    a.source.queue.queueId - b.source.queue.queueId;
  return order < 0;
}

function siftUp(heap: Cursor[]): void {
  let at = heap.length - 1;
  const cursor = heap[at] as Cursor;
  while (at > 0) {
    const parent = (at - 1) >> 1;
    const above = heap[parent] as Cursor;
    if (!isBefore(cursor, above)) {
      break;
    }
    heap[at] = above;
    at = parent;
  }
  heap[at] = cursor;
}

function siftDown(heap: Cursor[]): void {
  let at = 0;
  const cursor = heap[0] as Cursor;
  for (;;) {
    let child = 2 * at + 1;
    if (child >= heap.length) {
      break;
    }
    if (child + 1 < heap.length && isBefore(heap[child + 1] as Cursor, heap[child] as Cursor)) {
      child++;
    }
    const below = heap[child] as Cursor;
    if (!isBefore(below, cursor)) {
      break;
    }
    heap[at] = below;
    at = child;
  }
  heap[at] = cursor;
}
