import { closeSync, existsSync, fstatSync, ftruncateSync, openSync, readSync, writeSync } from 'node:fs';
import { ConfigError } from '../../common/errors.js';
import type { MessageQueue } from '../message-queue.js';

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
 * Messages that lie one behind the other at both ends; a line of the file. Without messages it says where reading a source queue began, and has no
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
}

const READ_BYTES = 64 * 1024;

/**
 * The file that says which message of the source became which of the target. It is only appended to, for each source queue in the order of its
 * offsets, so that its last line of a queue says where to go on. What was appended is in the kernel: a process that is killed loses no line.
 */
export class OffsetMap {
  readonly #fd: number;
  /** Offset to read next, by source queue. */
  readonly #next = new Map<string, number>();
  /** Offset behind the last that was written, by target queue. */
  readonly #ends = new Map<string, number>();
  #lines: string[] = [];
  /** The last run of each source queue, which may grow yet. */
  readonly #open = new Map<string, OffsetRun>();
  #isScheduled = false;

  private constructor(fd: number) {
    this.#fd = fd;
  }

  /**
   * Opens or makes the file.
   * @param head what a new file begins with; one that is there must be about the same topics
   * @throws ConfigError when it cannot be read or is about something else
   */
  static async open(path: string, head: OffsetMapStart): Promise<OffsetMap> {
    const fd = openFile(path);
    const map = new OffsetMap(fd);
    try {
      if (fstatSync(fd).size > 0) {
        map.#read(path, head);
      } else {
        const { sourceTopic, targetTopic } = head;
        map.#begin({ sourceTopic, targetTopic, targetQueues: await head.targetQueues() });
      }
      return map;
    } catch (error) {
      closeSync(fd);
      throw error;
    }
  }

  /** What a file says, without making one; null when there is none. */
  static async peek(path: string, head: OffsetMapStart): Promise<OffsetMap | null> {
    return existsSync(path) ? OffsetMap.open(path, head) : null;
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

  /** A message was stored; the calls for one source queue come in the order of its offsets. */
  add(source: MessagePlace, target: MessagePlace): void {
    this.#add({
      brokerName: source.brokerName,
      queueId: source.queueId,
      queueOffset: source.queueOffset,
      messageCount: 1,
      targetBrokerName: target.brokerName,
      targetQueueId: target.queueId,
      targetQueueOffset: target.queueOffset,
    });
  }

  /** Writes what waits. */
  flush(): void {
    const text = [...this.#lines, ...Array.from(this.#open.values(), lineOf)].join('');
    this.#lines = [];
    this.#open.clear();
    if (text !== '') {
      writeSync(this.#fd, text);
    }
  }

  close(): void {
    this.flush();
    closeSync(this.#fd);
  }

  #add(run: OffsetRun): void {
    const key = keyOf(run.brokerName, run.queueId);
    const open = this.#open.get(key);
    if (open !== undefined && isNextOf(open, run)) {
      this.#open.set(key, { ...open, messageCount: open.messageCount + 1 });
    } else {
      if (open !== undefined) {
        this.#lines.push(lineOf(open));
      }
      this.#open.set(key, run);
    }
    this.#note(run);
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
    this.#next.set(keyOf(run.brokerName, run.queueId), run.queueOffset + run.messageCount);
    const { targetBrokerName, targetQueueId, targetQueueOffset } = run;
    if (targetBrokerName !== undefined && targetQueueId !== undefined && targetQueueOffset !== undefined) {
      const key = keyOf(targetBrokerName, targetQueueId);
      this.#ends.set(key, Math.max(this.#ends.get(key) ?? 0, targetQueueOffset + run.messageCount));
    }
  }

  #begin(head: OffsetMapHead): void {
    this.#noteHead(head);
    writeSync(this.#fd, lineOf(head));
  }

  #noteHead(head: OffsetMapHead): void {
    for (const { brokerName, queueId, queueOffset } of head.targetQueues) {
      this.#ends.set(keyOf(brokerName, queueId), queueOffset);
    }
  }

  #read(path: string, wanted: OffsetMapStart): void {
    let lineNumber = 0;
    const goodBytes = forEachLine(this.#fd, (line) => {
      const name = `${path} line ${++lineNumber}`;
      const value = readLine(line, name);
      if (lineNumber === 1) {
        this.#noteHead(checkHead(value, path, wanted));
      } else {
        this.#note(checkRun(value, name));
      }
    });
    // A line that a full disk cut: what is appended next would be its end.
    ftruncateSync(this.#fd, goodBytes);
  }
}

function openFile(path: string): number {
  try {
    return openSync(path, 'a+');
  } catch (cause) {
    throw new ConfigError(`${path} cannot be opened (${(cause as NodeJS.ErrnoException).code ?? String(cause)})`, { cause });
  }
}

function keyOf(brokerName: string, queueId: number): string {
  return `${brokerName}:${queueId}`;
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
