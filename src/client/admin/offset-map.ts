import { closeSync, existsSync, fstatSync, ftruncateSync, openSync, readSync, writeSync } from 'node:fs';
import { ConfigError } from '../../common/errors.js';
import type { MessageQueue } from '../message-queue.js';
import { PidLock } from './pid-lock.js';

/** Which topics a file of offsets is about; the first line of the file. */
export interface OffsetMapHead {
  readonly sourceTopic: string;
  readonly targetTopic: string;
  /** Where the queues of the target ended before the first message was copied. */
  readonly targetQueues: readonly MessagePlace[];
}

/** What a new file begins with; the ends are asked for only then. */
export interface OffsetMapStart extends Pick<OffsetMapHead, 'sourceTopic' | 'targetTopic'> {
  targetQueues(): Promise<readonly MessagePlace[]>;
}

type QueueName = Omit<MessageQueue, 'topic'>;

/** Where a message is in a topic. */
export interface MessagePlace extends QueueName {
  readonly queueOffset: number;
}

/**
 * Messages that lie one behind the other at both ends; a line of the file. Without messages it says where to go on in a source queue, and has no
 * target.
 */
export interface OffsetRun {
  readonly brokerName: string;
  readonly queueId: number;
  readonly queueOffset: number;
  readonly messageCount: number;
  readonly targetBrokerName?: string;
  readonly targetQueueId?: number;
  readonly targetQueueOffset?: number;
  /** One before them in the source queue was not stored yet. */
  readonly isAhead?: true;
}

const READ_BYTES = 64 * 1024;
/** Lines after which what is not ahead any more is forgotten. */
const PRUNE_LINES = 10_000;

/**
 * The file that says which message of the source became which of the target. It is only appended to, for each source queue in the order of its
 * offsets but for those that are ahead, so that its last other line of a queue says where to go on. What was stored is appended at once, for each
 * target queue in the order of its offsets: what a killed process could not append lies behind what it did. What was appended is in the kernel: a
 * process that is killed loses no line.
 */
export class OffsetMap {
  readonly #path: string;
  /** Null where nothing is written. */
  readonly #fd: number | null;
  readonly #lock: PidLock | null;
  /** Offset to read next, by source queue. */
  readonly #next = new Map<string, number>();
  /** Offset behind the last that was written, by target queue. */
  readonly #ends = new Map<string, number>();
  /** Where messages that are ahead were stored, by source queue and offset. */
  readonly #ahead = new Map<string, Map<number, MessagePlace>>();
  #lines: string[] = [];
  /** The last run of each source queue, which may grow yet; of what is ahead that of each pair of queues. */
  readonly #open = new Map<string, OffsetRun>();
  #isScheduled = false;
  #error: ConfigError | null = null;
  #onError: (error: ConfigError) => void = () => undefined;

  private constructor(path: string, file: { readonly fd: number; readonly lock: PidLock } | null) {
    this.#path = path;
    this.#fd = file?.fd ?? null;
    this.#lock = file?.lock ?? null;
  }

  /**
   * Opens or makes the file.
   * @param head what a new file begins with; one that is there must be about the same topics
   * @throws ConfigError when it cannot be read, is about something else, or another process writes it
   */
  static async open(path: string, head: OffsetMapStart): Promise<OffsetMap> {
    const fd = openFile(path, 'a+');
    let lock: PidLock | null = null;
    try {
      lock = PidLock.take(`${path}.lock`);
      const map = new OffsetMap(path, { fd, lock });
      if (fstatSync(fd).size > 0) {
        // A line that a full disk cut: what is appended next would be its end.
        ftruncateSync(fd, map.#read(fd, head));
      } else {
        const { sourceTopic, targetTopic } = head;
        map.#begin({ sourceTopic, targetTopic, targetQueues: await head.targetQueues() });
      }
      return map;
    } catch (error) {
      closeSync(fd);
      lock?.release();
      throw error;
    }
  }

  /** What a file says, without writing to it; null when there is none. */
  static peek(path: string, head: OffsetMapStart): OffsetMap | null {
    if (!existsSync(path)) {
      return null;
    }
    const fd = openFile(path, 'r');
    try {
      const map = new OffsetMap(path, null);
      map.#read(fd, head);
      return map;
    } finally {
      closeSync(fd);
    }
  }

  /** Is told when the file cannot be written; nothing is written to it from then on. */
  onError(listener: (error: ConfigError) => void): void {
    this.#onError = listener;
  }

  /** Where to go on in a source queue; undefined when it was never begun. */
  next({ brokerName, queueId }: QueueName): number | undefined {
    return this.#next.get(keyOf(brokerName, queueId));
  }

  /** Offset behind the last message of a target queue that the file knows. */
  targetEnd({ brokerName, queueId }: QueueName): number | undefined {
    return this.#ends.get(keyOf(brokerName, queueId));
  }

  /** A source queue is read from here, unless it was begun before. */
  beginQueue(queue: QueueName, queueOffset: number): void {
    if (this.next(queue) === undefined) {
      this.#add({ brokerName: queue.brokerName, queueId: queue.queueId, queueOffset, messageCount: 0 });
    }
  }

  /** Where a message that is ahead was stored. */
  ahead({ queueOffset, ...queue }: MessagePlace): MessagePlace | undefined {
    return this.#ahead.get(nameOf(queue))?.get(queueOffset);
  }

  /** A message was stored, and all before it in its source queue were, too; the calls for one queue come in the order of its offsets. */
  add(source: MessagePlace, target: MessagePlace): void {
    const { brokerName, queueId, queueOffset } = source;
    if (this.#ahead.get(nameOf(source))?.delete(queueOffset) === true) {
      this.#add({ brokerName, queueId, queueOffset: queueOffset + 1, messageCount: 0 });
    } else {
      this.#add(runOf(source, target));
    }
  }

  /** A message was stored, and one before it in its source queue was not yet. */
  addAhead(source: MessagePlace, target: MessagePlace): void {
    if (this.ahead(source) === undefined) {
      this.#add({ ...runOf(source, target), isAhead: true });
    }
  }

  /** Writes what waits. */
  flush(): void {
    const text = [...this.#lines, ...Array.from(this.#open.values(), lineOf)].join('');
    this.#lines = [];
    this.#open.clear();
    if (text === '' || this.#error !== null) {
      return;
    }
    try {
      this.#write(text);
    } catch (error) {
      this.#error = error as ConfigError;
      this.#onError(this.#error);
    }
  }

  close(): void {
    this.flush();
    if (this.#fd !== null) {
      closeSync(this.#fd);
    }
    this.#lock?.release();
  }

  /** All of it or nothing. */
  #write(text: string): void {
    const fd = this.#fd as number;
    const bytes = Buffer.from(text);
    const { size } = fstatSync(fd);
    try {
      for (let at = 0; at < bytes.length; ) {
        at += writeSync(fd, bytes, at);
      }
    } catch (cause) {
      if (fstatSync(fd).size > size) {
        ftruncateSync(fd, size);
      }
      throw new ConfigError(`${this.#path} cannot be written (${(cause as NodeJS.ErrnoException).code ?? String(cause)})`, {
        code: 'OFFSETS_NOT_WRITTEN',
        cause,
      });
    }
  }

  #add(run: OffsetRun): void {
    this.#note(run);
    if (this.#fd === null) {
      return;
    }
    const key = run.isAhead === true ? `${nameOf(run)} ${run.targetBrokerName}:${run.targetQueueId}` : nameOf(run);
    const open = this.#open.get(key);
    if (open !== undefined && isNextOf(open, run)) {
      this.#open.set(key, { ...open, messageCount: open.messageCount + 1 });
    } else {
      if (open !== undefined && (open.messageCount > 0 || run.messageCount > 0)) {
        this.#lines.push(lineOf(open));
      }
      this.#open.set(key, run);
    }
    if (!this.#isScheduled) {
      this.#isScheduled = true;
      // What is answered in one turn of the event loop makes few lines.
      setImmediate(() => {
        this.#isScheduled = false;
        this.flush();
      });
    }
  }

  #note(run: OffsetRun): void {
    const { targetBrokerName, targetQueueId, targetQueueOffset, messageCount, isAhead } = run;
    if (isAhead !== true) {
      this.#next.set(nameOf(run), run.queueOffset + messageCount);
    }
    if (targetBrokerName === undefined || targetQueueId === undefined || targetQueueOffset === undefined) {
      return;
    }
    const key = keyOf(targetBrokerName, targetQueueId);
    this.#ends.set(key, Math.max(this.#ends.get(key) ?? 0, targetQueueOffset + messageCount));
    if (isAhead === true) {
      const its = this.#ahead.get(nameOf(run)) ?? new Map<number, MessagePlace>();
      this.#ahead.set(nameOf(run), its);
      for (let i = 0; i < messageCount; i++) {
        its.set(run.queueOffset + i, { brokerName: targetBrokerName, queueId: targetQueueId, queueOffset: targetQueueOffset + i });
      }
    }
  }

  /** Forgets what is not ahead any more. */
  #prune(): void {
    for (const [name, places] of this.#ahead) {
      const next = this.#next.get(name) ?? 0;
      for (const queueOffset of places.keys()) {
        if (queueOffset < next) {
          places.delete(queueOffset);
        }
      }
    }
  }

  #begin(head: OffsetMapHead): void {
    this.#noteHead(head);
    this.#write(lineOf(head));
  }

  #noteHead(head: OffsetMapHead): void {
    for (const { brokerName, queueId, queueOffset } of head.targetQueues) {
      this.#ends.set(keyOf(brokerName, queueId), queueOffset);
    }
  }

  /** Answers how many bytes its whole lines have. */
  #read(fd: number, wanted: OffsetMapStart): number {
    const path = this.#path;
    let lineNumber = 0;
    const goodBytes = forEachLine(fd, (line) => {
      const name = `${path} line ${++lineNumber}`;
      const value = readLine(line, name);
      if (lineNumber === 1) {
        this.#noteHead(checkHead(value, path, wanted));
      } else {
        this.#note(checkRun(value, name));
      }
      if (lineNumber % PRUNE_LINES === 0) {
        this.#prune();
      }
    });
    this.#prune();
    return goodBytes;
  }
}

function openFile(path: string, flags: 'a+' | 'r'): number {
  try {
    return openSync(path, flags);
  } catch (cause) {
    throw new ConfigError(`${path} cannot be opened (${(cause as NodeJS.ErrnoException).code ?? String(cause)})`, { cause });
  }
}

function keyOf(brokerName: string, queueId: number): string {
  return `${brokerName}:${queueId}`;
}

function nameOf({ brokerName, queueId }: QueueName): string {
  return keyOf(brokerName, queueId);
}

function runOf(source: MessagePlace, target: MessagePlace): OffsetRun {
  return {
    brokerName: source.brokerName,
    queueId: source.queueId,
    queueOffset: source.queueOffset,
    messageCount: 1,
    targetBrokerName: target.brokerName,
    targetQueueId: target.queueId,
    targetQueueOffset: target.queueOffset,
  };
}

function lineOf(value: object): string {
  return `${JSON.stringify(value)}\n`;
}

function isNextOf(run: OffsetRun, next: OffsetRun): boolean {
  return (
    run.messageCount > 0 &&
    next.messageCount === 1 &&
    next.queueOffset === run.queueOffset + run.messageCount &&
    next.targetBrokerName === run.targetBrokerName &&
    next.targetQueueId === run.targetQueueId &&
    next.targetQueueOffset === (run.targetQueueOffset ?? 0) + run.messageCount
  );
}

/** Calls back for each whole line; answers how many bytes they have. */
function forEachLine(fd: number, read: (line: string) => void): number {
  const chunk = Buffer.alloc(READ_BYTES);
  let rest: Buffer = Buffer.alloc(0);
  let at = 0;
  for (;;) {
    const bytes = readSync(fd, chunk, 0, chunk.length, at);
    if (bytes === 0) {
      return at - rest.length;
    }
    at += bytes;
    const data = Buffer.concat([rest, chunk.subarray(0, bytes)]);
    let start = 0;
    for (let end = data.indexOf(10); end >= 0; end = data.indexOf(10, start)) {
      read(data.toString('utf8', start, end));
      start = end + 1;
    }
    rest = data.subarray(start);
  }
}

function readLine(line: string, name: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(line);
    if (typeof value === 'object' && value !== null) {
      return value as Record<string, unknown>;
    }
  } catch {
    // Said below.
  }
  throw new ConfigError(`${name}: not a line of offsets`, { hint: 'name the file that an earlier run wrote, or one that is not there' });
}

function checkHead(value: Record<string, unknown>, path: string, wanted: OffsetMapStart): OffsetMapHead {
  const head = value as Partial<OffsetMapHead>;
  if (!Array.isArray(head.targetQueues) || !head.targetQueues.every((queue) => isPlace(queue))) {
    throw new ConfigError(`${path} line 1: not the head of a file of offsets`, { hint: 'name a file that is not there' });
  }
  if (head.sourceTopic !== wanted.sourceTopic || head.targetTopic !== wanted.targetTopic) {
    throw new ConfigError(`${path} is about messages from ${head.sourceTopic} to ${head.targetTopic}`, {
      hint: 'name another file: each pair of topics has its own',
    });
  }
  return head as OffsetMapHead;
}

function isPlace(value: unknown): boolean {
  const { brokerName, queueId, queueOffset } = (value ?? {}) as Partial<MessagePlace>;
  return typeof brokerName === 'string' && Number.isSafeInteger(queueId) && Number.isSafeInteger(queueOffset);
}

function checkRun(value: Record<string, unknown>, name: string): OffsetRun {
  if (!isPlace(value) || !Number.isSafeInteger(value.messageCount)) {
    throw new ConfigError(`${name}: not a line of offsets`, { hint: 'name the file that an earlier run wrote, or one that is not there' });
  }
  return value as unknown as OffsetRun;
}
