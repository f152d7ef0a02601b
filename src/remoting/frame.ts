/*
 * Frames of the remoting protocol. Mirrors NettyDecoder, NettyEncoder and RemotingCommand. Integers are big-endian.
 *
 * | offset        | size      | field                                                        |
 * | 0             | 4         | length: bytes after this field = 4 + header + body           |
 * | 4             | 1         | serialize type: 0 JSON, 1 ROCKETMQ                            |
 * | 5             | 3         | header length, unsigned                                       |
 * | 8             | header    | header                                                        |
 * | 8 + header    | rest      | body, may be absent                                           |
 */
import { ProtocolError } from '../common/errors.js';
import { viewOf } from '../common/int64.js';
import { MAX_FRAME_BYTES, MAX_FRAME_LENGTH_FIELD, MAX_HEADER_BYTES } from '../common/limits.js';
import { type RemotingCommand, SERIALIZE_JSON, SERIALIZE_ROCKETMQ, type SerializeType } from './command.js';
import { decodeBinaryHeader, decodeJsonHeader, jsonHeaderText, maxBinaryHeaderBytes, writeBinaryHeader } from './frame-header.js';

/** Bytes before the header. */
export const FRAME_PREFIX_BYTES = 8;

/** Receives the frames of one `push`. */
export interface FrameSink {
  /** @param bytes length of the whole frame */
  onFrame(command: RemotingCommand, bytes: number): void;
}

function checkLength(length: number): void {
  if (length < 4) {
    throw new ProtocolError(`frame length is ${length}, at least 4 is possible`);
  }
  if (length > MAX_FRAME_LENGTH_FIELD) {
    throw new ProtocolError(`frame length is ${length}, at most ${MAX_FRAME_LENGTH_FIELD} is allowed`, { code: 'FRAME_TOO_LARGE' });
  }
}

/**
 * Decodes the whole frame at [start, end), length field included. The body is a view.
 * @throws ProtocolError when the bytes are not a frame; the connection they came from is of no further use.
 */
export function decodeFrame(buffer: Buffer, start: number, end: number): RemotingCommand {
  const headerBytes = (buffer[start + 5]! << 16) | (buffer[start + 6]! << 8) | buffer[start + 7]!;
  const headerStart = start + FRAME_PREFIX_BYTES;
  const headerEnd = headerStart + headerBytes;
  if (headerEnd > end) {
    throw new ProtocolError(`header length is ${headerBytes} in a frame of ${end - start} bytes`);
  }
  if (headerBytes > MAX_HEADER_BYTES) {
    throw new ProtocolError(`header length is ${headerBytes}, at most ${MAX_HEADER_BYTES} is allowed`, { code: 'FRAME_TOO_LARGE' });
  }
  const body = headerEnd === end ? null : buffer.subarray(headerEnd, end);
  switch (buffer[start + 4]) {
    case SERIALIZE_JSON:
      return decodeJsonHeader(buffer, headerStart, headerEnd, body);
    case SERIALIZE_ROCKETMQ:
      return decodeBinaryHeader(buffer, headerStart, headerEnd, body);
    default:
      throw new ProtocolError(`serialize type is ${buffer[start + 4]}, 0 and 1 are known`);
  }
}

/** First capacity for a frame that arrives in pieces; it doubles as bytes arrive, so that a length alone reserves nothing. */
const PARTIAL_BYTES = 4096;

/** Cuts a byte stream into frames. */
export class FrameDecoder {
  #partial: Buffer | null = null;
  #have = 0;
  #stopped = false;

  /** Bytes of an unfinished frame that are held. */
  get heldBytes(): number {
    return this.#have;
  }

  /** Called by the sink: the frame it was given is the last one of this `push`. */
  stop(): void {
    this.#stopped = true;
  }

  /**
   * Decodes the frames that the chunk completes, and holds the rest. Returns how many bytes were taken: all, unless the sink called
   * `stop`; those behind must be pushed again.
   * @throws ProtocolError when the stream is not one of frames; close the connection and push nothing more.
   */
  push(chunk: Buffer, sink: FrameSink): number {
    this.#stopped = false;
    let position = this.#have > 0 ? this.#continue(chunk, sink) : 0;
    const end = chunk.length;
    while (end - position >= 4 && !this.#stopped) {
      const length = viewOf(chunk).getInt32(position);
      checkLength(length);
      const frameEnd = position + 4 + length;
      if (frameEnd > end) {
        break;
      }
      const command = decodeFrame(chunk, position, frameEnd);
      position = frameEnd;
      sink.onFrame(command, length + 4);
    }
    if (this.#stopped) {
      return position;
    }
    if (position < end) {
      this.#hold(chunk, position, end);
    }
    return end;
  }

  #hold(chunk: Buffer, start: number, end: number): void {
    const needed = this.#have + end - start;
    if (this.#partial === null || this.#partial.length < needed) {
      const grown = Buffer.allocUnsafeSlow(Math.max(PARTIAL_BYTES, 2 ** Math.ceil(Math.log2(needed))));
      this.#partial?.copy(grown, 0, 0, this.#have);
      this.#partial = grown;
    }
    chunk.copy(this.#partial, this.#have, start, end);
    this.#have = needed;
  }

  /** Feeds the held frame; returns where the next frame starts in the chunk. */
  #continue(chunk: Buffer, sink: FrameSink): number {
    let position = 0;
    if (this.#have < 4) {
      position = Math.min(4 - this.#have, chunk.length);
      this.#hold(chunk, 0, position);
      if (this.#have < 4) {
        return position;
      }
    }
    const length = this.#partial!.readInt32BE(0);
    checkLength(length);
    const missing = length + 4 - this.#have;
    const taken = Math.min(missing, chunk.length - position);
    this.#hold(chunk, position, position + taken);
    if (taken === missing) {
      // The body is a view of this buffer, so the next unfinished frame gets a new one.
      const frame = this.#partial!;
      this.#partial = null;
      this.#have = 0;
      sink.onFrame(decodeFrame(frame, 0, length + 4), length + 4);
    }
    return position + taken;
  }
}

/** Where an encoder writes: `reserve` gives room for at most n bytes, `unreserve` takes back what was not used of the last n. */
export interface FrameTarget {
  reserve(bytes: number): OutSlot;
  unreserve(bytes: number): void;
}

/** Room in an output buffer; valid until the next `reserve`. */
export interface OutSlot {
  buffer: Buffer;
  offset: number;
}

function checkFrameBytes(bytes: number): void {
  if (bytes > MAX_FRAME_BYTES) {
    throw new ProtocolError(`a frame of ${bytes} bytes is longer than ${MAX_FRAME_BYTES}, which peers refuse`, { code: 'FRAME_TOO_LARGE' });
  }
}

function writePrefix(target: Buffer, start: number, serializeType: SerializeType, headerEnd: number, bodyBytes: number): void {
  const headerBytes = headerEnd - start - FRAME_PREFIX_BYTES;
  const length = 4 + headerBytes + bodyBytes;
  const view = viewOf(target);
  view.setInt32(start, length);
  view.setInt32(start + 4, (serializeType << 24) | headerBytes);
}

/** Most bytes that prefix and header of a command can take in the serialization. */
function maxHeaderBytes(command: RemotingCommand, text: string | null): number {
  return FRAME_PREFIX_BYTES + (text === null ? maxBinaryHeaderBytes(command) : text.length * 3);
}

/**
 * Writes prefix and header of a command whose body of `bodyBytes` the caller sends behind it.
 * @throws ProtocolError when the frame is longer than peers accept.
 */
export function encodeHeaderInto(target: FrameTarget, command: RemotingCommand, bodyBytes: number): void {
  const text = command.serializeType === SERIALIZE_JSON ? jsonHeaderText(command) : null;
  const most = maxHeaderBytes(command, text);
  // Checked with the upper bound first, because nothing may stay in the buffer of a frame that is refused.
  if (most + bodyBytes > MAX_FRAME_BYTES) {
    checkFrameBytes(encodeCommand({ ...command, body: null }).length + bodyBytes);
  }
  const { buffer, offset } = target.reserve(most);
  const headerStart = offset + FRAME_PREFIX_BYTES;
  const end = text === null ? writeBinaryHeader(buffer, headerStart, command) : headerStart + buffer.utf8Write(text, headerStart);
  target.unreserve(offset + most - end);
  writePrefix(buffer, offset, command.serializeType, end, bodyBytes);
}

/**
 * Writes prefix and header of a request whose JSON header the caller made; `text` is ASCII. The body of `bodyBytes` follows.
 * @throws ProtocolError when the frame is longer than peers accept.
 */
export function encodeHeaderTextInto(target: FrameTarget, text: string, bodyBytes: number): void {
  const { buffer, offset } = target.reserve(FRAME_PREFIX_BYTES + text.length);
  const headerStart = offset + FRAME_PREFIX_BYTES;
  buffer.latin1Write(text, headerStart);
  writePrefix(buffer, offset, SERIALIZE_JSON, headerStart + text.length, bodyBytes);
}

/** A command as one frame in a buffer of its own; `serializeType` replaces the command's. */
export function encodeCommand(command: RemotingCommand, serializeType: SerializeType = command.serializeType): Buffer {
  const text = serializeType === SERIALIZE_JSON ? jsonHeaderText(command) : null;
  const bodyBytes = command.body?.length ?? 0;
  const buffer = Buffer.allocUnsafe(maxHeaderBytes(command, text) + bodyBytes);
  const end =
    text === null
      ? writeBinaryHeader(buffer, FRAME_PREFIX_BYTES, command)
      : FRAME_PREFIX_BYTES + buffer.utf8Write(text, FRAME_PREFIX_BYTES);
  checkFrameBytes(end + bodyBytes);
  writePrefix(buffer, 0, serializeType, end, bodyBytes);
  if (command.body !== null) {
    buffer.set(command.body, end);
  }
  return buffer.subarray(0, end + bodyBytes);
}
