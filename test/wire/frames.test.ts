import { describe, expect, it } from 'vitest';
import { languageCode, restoreTruncatedCode } from '../../src/remoting/codes.js';
import type { RemotingCommand } from '../../src/remoting/command.js';
import { encodeCommand, FrameDecoder } from '../../src/remoting/frame.js';
import { bodyOf, type RecordedFrame, readRecording, recordingNames } from './vectors.js';

function decodeAll(bytes: Buffer): RemotingCommand[] {
  const commands: RemotingCommand[] = [];
  new FrameDecoder().push(bytes, { onFrame: (command) => commands.push(command) });
  return commands;
}

function decodeOne(frame: RecordedFrame): RemotingCommand {
  const commands = decodeAll(Buffer.from(frame.hex, 'hex'));
  expect(commands).toHaveLength(1);
  return commands[0]!;
}

/** The recording's view of a header: numbers as language for binary frames, absent fields left out. */
function viewOf(command: RemotingCommand, frame: RecordedFrame): Record<string, unknown> {
  return {
    code: command.code,
    language: frame.serialize === 'JSON' ? command.language : languageCode(command.language),
    version: command.version,
    opaque: command.opaque,
    flag: command.flag,
    ...(command.remark === null ? {} : { remark: command.remark }),
    ...(command.extFields === null ? {} : { extFields: command.extFields }),
  };
}

/** Hand-made requests of the recordings leave fields out, which Java fills with defaults. */
function recordedView(frame: RecordedFrame, command: RemotingCommand): Record<string, unknown> {
  const { serializeTypeCurrentRPC: _, ...all } = frame.decoded;
  const decoded: Record<string, unknown> = Object.fromEntries(Object.entries(all).filter(([, value]) => value !== null));
  const ext = decoded.extFields as Record<string, unknown> | undefined;
  return {
    language: frame.serialize === 'JSON' ? command.language : 0,
    version: 0,
    ...decoded,
    // The codes of pop consumption do not fit a binary header; the decoder gives back what was meant.
    ...(frame.serialize === 'ROCKETMQ' && frame.kind !== 'response' ? { code: restoreTruncatedCode(frame.code) } : {}),
    ...(typeof decoded.language === 'number' && frame.serialize === 'JSON' ? { language: command.language } : {}),
    // A binary header does not tell an empty ext block from an absent one.
    ...(ext === undefined || (frame.serialize === 'ROCKETMQ' && Object.keys(ext).length === 0)
      ? { extFields: undefined }
      : { extFields: Object.fromEntries(Object.entries(ext).map(([key, value]) => [key, String(value)])) }),
  };
}

/** JSON headers that Java itself wrote have every key in its place; those of test programs do not. */
function isWrittenByJava(frame: RecordedFrame): boolean {
  const keys = Object.keys(frame.decoded);
  return 'serializeTypeCurrentRPC' in frame.decoded && keys.join() === [...keys].sort().join();
}

describe.each(recordingNames())('recording %s', (name) => {
  const frames = readRecording(name);

  it('decodes to the recorded headers and bodies', () => {
    for (const frame of frames) {
      const command = decodeOne(frame);
      expect(command.serializeType, `line ${frame.n}`).toBe(frame.serialize === 'JSON' ? 0 : 1);
      expect(viewOf(command, frame), `line ${frame.n}`).toEqual(recordedView(frame, command));
      expect(command.body?.toString('hex') ?? '', `line ${frame.n}`).toBe(bodyOf(frame)?.toString('hex') ?? '');
    }
  });

  it('encodes the decoded frames to the same bytes', () => {
    for (const frame of frames) {
      const command = decodeOne(frame);
      const encoded = encodeCommand(command);
      if (frame.serialize === 'ROCKETMQ' || isWrittenByJava(frame)) {
        expect(encoded.toString('hex'), `line ${frame.n}`).toBe(frame.hex);
      } else {
        expect(decodeAll(encoded)[0], `line ${frame.n}`).toEqual(command);
      }
    }
  });

  it('decodes the whole stream cut into pieces of any size', () => {
    const stream = Buffer.concat(frames.map((frame) => Buffer.from(frame.hex, 'hex')));
    const whole = decodeAll(stream).map((command) => ({ ...command, body: command.body?.toString('hex') }));
    expect(whole).toHaveLength(frames.length);
    for (const size of [1, 7, 100, 1460, 65_536]) {
      const decoder = new FrameDecoder();
      const commands: RemotingCommand[] = [];
      for (let at = 0; at < stream.length; at += size) {
        decoder.push(stream.subarray(at, at + size), { onFrame: (command) => commands.push(command) });
      }
      expect(decoder.heldBytes).toBe(0);
      expect(commands.map((command) => ({ ...command, body: command.body?.toString('hex') }))).toEqual(whole);
    }
  });
});
