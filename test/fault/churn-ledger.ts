import { closeSync, openSync, readSync } from 'node:fs';

export type Mode = 'concurrent' | 'ordered';

/** A message whose group's members got it again is explained by a queue that changed hands so soon after its first consumption. */
const COMMIT_WINDOW_US = 6_000_000;
const READ_BYTES = 1024 * 1024;

/** A listener call, or one that a kill ended. */
interface Call {
  readonly life: MemberLife;
  readonly beginUs: number;
  endUs: number;
  readonly offsets: readonly number[];
  /** When the member took the queue, and when anything of its queues changed last before the call. */
  readonly takenUs: number;
  readonly changedUs: number;
  /** The queue may have been taken anew since the member's call before. */
  readonly isFirst: boolean;
}

/** One process from its start to its end, and the file of what it did. */
export class MemberLife {
  readonly instanceName: string;
  readonly logFile: string;
  killedUs = Number.POSITIVE_INFINITY;
  /** When what was owned changed last. */
  readonly changedUs: Record<Mode, number> = { concurrent: 0, ordered: 0 };
  /** When each owned queue was taken. */
  readonly owned: Record<Mode, ReadonlyMap<string, number>> = { concurrent: new Map(), ordered: new Map() };
  /** Calls so far by `mode/queueId`. */
  readonly lastCallUs = new Map<string, number>();
  readonly open = new Map<string, Call>();
  /** The process writes no more. */
  hasEnded = false;
  isRead = false;
  readAt = 0;
  rest = '';

  constructor(instanceName: string, logFile: string) {
    this.instanceName = instanceName;
    this.logFile = logFile;
  }
}

interface Duplicate {
  readonly first: Call;
  readonly again: Call;
}

/** What all members did with one queue of one group. */
class QueueLedger {
  readonly calls: Call[] = [];
  readonly consumed = new Set<number>();
}

export interface ChurnCounts {
  messages: number;
  duplicates: number;
  /** Duplicates whose first consumer was killed. */
  afterKill: number;
}

/** Reads the files of the members, and says what must not have been. */
export class ChurnLedger {
  /** What the clients warned of. */
  readonly warnings: string[] = [];
  readonly #lives: MemberLife[] = [];
  readonly #queues = new Map<string, QueueLedger>();

  add(life: MemberLife): void {
    this.#lives.push(life);
  }

  /** Takes in what the members wrote since the last time. */
  read(): void {
    for (const life of this.#lives) {
      if (life.isRead) continue;
      life.isRead = life.hasEnded;
      const fd = openLog(life.logFile);
      if (fd === null) continue;
      const buffer = Buffer.alloc(READ_BYTES);
      for (let length = readSync(fd, buffer, 0, READ_BYTES, life.readAt); length > 0; ) {
        life.readAt += length;
        const lines = (life.rest + buffer.toString('latin1', 0, length)).split('\n');
        life.rest = lines.pop() ?? '';
        for (const line of lines) this.#take(life, line.split(' '));
        length = readSync(fd, buffer, 0, READ_BYTES, life.readAt);
      }
      closeSync(fd);
    }
  }

  consumedCount(mode: Mode): number {
    let count = 0;
    for (const [key, { consumed }] of this.#queues) if (key.startsWith(`${mode}/`)) count += consumed.size;
    return count;
  }

  /** Queue and offset of messages nobody consumed. @param maxOffsets by queue id */
  missing(mode: Mode, maxOffsets: readonly number[]): string[] {
    return maxOffsets.flatMap((maxOffset, queueId) => {
      const consumed = this.#queues.get(`${mode}/${queueId}`)?.consumed ?? new Set();
      return Array.from({ length: maxOffset }, (_, offset) => offset)
        .filter((offset) => !consumed.has(offset))
        .map((offset) => `${mode}/${queueId}/${offset}`);
    });
  }

  /**
   * Messages that came twice, and those of them that the protocol does not explain.
   * @param hasLostLock whether a member, by its instance name, lost the lock of a queue by not renewing it
   */
  duplicates(mode: Mode, hasLostLock: (instanceName: string, queueId: number) => boolean): { counts: ChurnCounts; unexplained: string[] } {
    const counts: ChurnCounts = { messages: this.consumedCount(mode), duplicates: 0, afterKill: 0 };
    const unexplained: string[] = [];
    for (const [key, { calls }] of this.#of(mode)) {
      const firsts = new Map<number, Call>();
      for (const call of calls.toSorted((a, b) => a.endUs - b.endUs)) {
        for (const offset of call.offsets) {
          const first = firsts.get(offset);
          firsts.set(offset, call);
          if (first === undefined) continue;
          counts.duplicates++;
          if (Number.isFinite(first.life.killedUs)) counts.afterKill++;
          const isLost = mode === 'ordered' && hasLostLock(first.life.instanceName, Number(key.split('/')[1]));
          if (!isLost && !isExplained(mode, { first, again: call }))
            unexplained.push(`${key}/${offset}: ${describe(first)}, then ${describe(call)}`);
        }
      }
    }
    return { counts, unexplained };
  }

  /** Breaks of order, and calls of one queue that ran at the same time. @param stalledUs a call that took longer outlived its lock */
  orderProblems(stalledUs: number): { problems: string[]; stalled: number } {
    const problems: string[] = [];
    let stalled = 0;
    for (const [key, { calls }] of this.#of('ordered')) {
      const inTime = calls.toSorted((a, b) => a.beginUs - b.beginUs);
      const lastOf = new Map<MemberLife, number>();
      let consumedTo = 0;
      let running: Call | undefined;
      for (const call of inTime) {
        if (running !== undefined && call.beginUs < running.endUs) {
          if (running.endUs - running.beginUs > stalledUs) stalled++;
          else problems.push(`${key}: ${describe(call)} began while ${describe(running)} ran`);
        }
        const [first = 0] = call.offsets;
        const last = call.offsets.at(-1) ?? first;
        if (last - first + 1 !== call.offsets.length) problems.push(`${key}: offsets of one call are ${call.offsets}`);
        const before = lastOf.get(call.life);
        if (!call.isFirst && before !== undefined && first !== before + 1) {
          problems.push(`${key}: ${describe(call)} came after offset ${before} of the same owner`);
        }
        if (first > consumedTo) problems.push(`${key}: ${describe(call)} came before ${consumedTo}`);
        lastOf.set(call.life, last);
        consumedTo = Math.max(consumedTo, last + 1);
        if (running === undefined || call.endUs > running.endUs) running = call;
      }
    }
    return { problems, stalled };
  }

  *#of(mode: Mode): Iterable<[string, QueueLedger]> {
    for (const entry of this.#queues) if (entry[0].startsWith(`${mode}/`)) yield entry;
  }

  #take(life: MemberLife, words: string[]): void {
    const [kind, mode, ...rest] = words as [string, Mode, ...string[]];
    if (kind === 'w') {
      this.warnings.push(`${life.instanceName} at ${Math.round(Number(mode) / 1000)}: ${rest.join(' ')}`);
      return;
    }
    if (kind === 'o') {
      const [us = '', queueIds = ''] = rest;
      life.changedUs[mode] = Number(us);
      life.owned[mode] = new Map(queueIds.split(',').map((queueId) => [queueId, life.owned[mode].get(queueId) ?? Number(us)]));
      return;
    }
    const key = `${mode}/${rest[0]}`;
    const ledger = this.#queues.get(key) ?? new QueueLedger();
    this.#queues.set(key, ledger);
    const open = life.open.get(key);
    if (kind === 'c' && mode === 'ordered' && open !== undefined) {
      open.endUs = Number(rest[2]);
      life.open.delete(key);
      for (const offset of open.offsets) ledger.consumed.add(offset);
      return;
    }
    const beginUs = Number(rest[1]);
    const changedUs = life.changedUs[mode];
    const takenUs = life.owned[mode].get(rest[0] ?? '') ?? changedUs;
    const isFirst = changedUs > (life.lastCallUs.get(key) ?? 0);
    const offsets = (rest.at(-1) ?? '').split(',').map(Number);
    // A begun call ends with the kill unless its end is read.
    const endUs = kind === 'b' ? Number.POSITIVE_INFINITY : Number(rest[2]);
    const call: Call = { life, beginUs, endUs, offsets, takenUs, changedUs, isFirst };
    life.lastCallUs.set(key, beginUs);
    ledger.calls.push(call);
    if (kind === 'b') life.open.set(key, call);
    else for (const offset of offsets) ledger.consumed.add(offset);
  }

  /** Whether the client was of a member that a signal ended. */
  wasKilled(clientId: string): boolean {
    return this.#lives.some(({ instanceName, killedUs }) => clientId.includes(`@${instanceName}-`) && Number.isFinite(killedUs));
  }

  /** Calls that a kill interrupted end with it. */
  endKilled(): void {
    for (const life of this.#lives) for (const call of life.open.values()) call.endUs = life.killedUs;
  }
}

/**
 * A queue that changes hands goes on at the committed offset: calls that run then, what was done behind them, and what was done since the last
 * commit, come again. An ordered queue is handed over with nothing running and everything committed, unless its owner is killed.
 */
function isExplained(mode: Mode, { first, again }: Duplicate): boolean {
  if (first.life === again.life) return again.changedUs > first.beginUs;
  if (mode === 'ordered') return first.life.killedUs - first.endUs < COMMIT_WINDOW_US;
  return first.endUs >= Math.min(again.takenUs, first.life.killedUs) - COMMIT_WINDOW_US;
}

function describe({ life, beginUs, endUs, offsets }: Call): string {
  const killed = Number.isFinite(life.killedUs) ? `, killed at ${Math.round(life.killedUs / 1000)}` : '';
  return `${life.instanceName} ${offsets[0]}-${offsets.at(-1)} from ${Math.round(beginUs / 1000)} to ${Math.round(endUs / 1000)}${killed}`;
}

function openLog(path: string): number | null {
  try {
    return openSync(path, 'r');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}
