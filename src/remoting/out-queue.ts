import type { Socket } from 'node:net';
import { OUT_SLAB_BYTES } from '../common/limits.js';
import type { FrameTarget, OutSlot } from './frame.js';

/** Bodies at least so long are sent from where they are instead of being copied behind their header. */
const COPY_BODY_BELOW_BYTES = 8192;
/** Free slabs that are kept for all connections of a transport. */
const POOLED_SLABS = 64;

/** Output buffers shared by the connections of one transport; one is lent only while a connection has unsent bytes in it. */
export class SlabPool {
  readonly #free: Buffer[] = [];

  take(bytes: number): Buffer {
    if (bytes > OUT_SLAB_BYTES) {
      return Buffer.allocUnsafeSlow(2 ** Math.ceil(Math.log2(bytes)));
    }
    return this.#free.pop() ?? Buffer.allocUnsafeSlow(OUT_SLAB_BYTES);
  }

  give(slab: Buffer): void {
    if (slab.length === OUT_SLAB_BYTES && this.#free.length < POOLED_SLABS) {
      this.#free.push(slab);
    }
  }
}

/** Collects what one connection sends in a turn, and hands it to the socket in one write. */
export class OutQueue implements FrameTarget {
  readonly #pool: SlabPool;
  readonly #slot: { buffer: Buffer; offset: number };
  #slab: Buffer | null = null;
  /** Bytes of the slab that are already in `#chunks`, and bytes that are filled. */
  #cut = 0;
  #filled = 0;
  #chunks: Buffer[] = [];
  /** Full slabs whose bytes wait in `#chunks`. */
  #lent: Buffer[] = [];
  #queuedBytes = 0;

  constructor(pool: SlabPool) {
    this.#pool = pool;
    this.#slot = { buffer: EMPTY, offset: 0 };
  }

  /** Bytes that wait for `flush`. */
  get queuedBytes(): number {
    return this.#queuedBytes;
  }

  reserve(bytes: number): OutSlot {
    let slab = this.#slab;
    if (slab === null || slab.length - this.#filled < bytes) {
      this.#closeSlab();
      slab = this.#pool.take(bytes);
      this.#slab = slab;
    }
    const slot = this.#slot;
    slot.buffer = slab;
    slot.offset = this.#filled;
    this.#filled += bytes;
    this.#queuedBytes += bytes;
    return slot;
  }

  unreserve(bytes: number): void {
    this.#filled -= bytes;
    this.#queuedBytes -= bytes;
  }

  /** Queues a body. A long one is not copied: it must not change until it is sent. */
  append(body: Buffer): void {
    if (body.length < COPY_BODY_BELOW_BYTES) {
      const { buffer, offset } = this.reserve(body.length);
      buffer.set(body, offset);
      return;
    }
    this.#cutSlab();
    this.#chunks.push(body);
    this.#queuedBytes += body.length;
  }

  /** Writes everything to the socket: one write, a gathering one when there are long bodies. Returns the bytes written. */
  flush(socket: Socket): number {
    const bytes = this.#queuedBytes;
    if (bytes === 0) {
      return 0;
    }
    const slab = this.#slab;
    if (this.#chunks.length === 0 && slab !== null) {
      socket.write(slab.subarray(0, this.#filled));
    } else {
      this.#cutSlab();
      socket.cork();
      for (const chunk of this.#chunks) {
        socket.write(chunk);
      }
      socket.uncork();
      this.#chunks = [];
    }
    // The kernel took everything at once (the rule), so the slabs are free again. Otherwise the socket holds them until it has
    // written them, and the garbage collector takes them.
    const reusable = socket.writableLength === 0;
    if (reusable) {
      for (const lent of this.#lent) {
        this.#pool.give(lent);
      }
      if (slab !== null) {
        this.#pool.give(slab);
      }
    }
    this.#lent = this.#lent.length === 0 ? this.#lent : [];
    this.#slab = null;
    this.#cut = 0;
    this.#filled = 0;
    this.#queuedBytes = 0;
    return bytes;
  }

  /** Forgets what waits. */
  clear(): void {
    if (this.#slab !== null) {
      this.#pool.give(this.#slab);
    }
    this.#slab = null;
    this.#cut = 0;
    this.#filled = 0;
    this.#chunks = [];
    this.#lent = [];
    this.#queuedBytes = 0;
  }

  #cutSlab(): void {
    if (this.#slab !== null && this.#filled > this.#cut) {
      this.#chunks.push(this.#slab.subarray(this.#cut, this.#filled));
      this.#cut = this.#filled;
    }
  }

  #closeSlab(): void {
    if (this.#slab === null) {
      return;
    }
    this.#cutSlab();
    this.#lent.push(this.#slab);
    this.#slab = null;
    this.#cut = 0;
    this.#filled = 0;
  }
}

const EMPTY = Buffer.alloc(0);
