import { readdirSync, readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';

/** One recorded frame of real Apache processes (5.3.3 nodes; 5.3.3 and 4.9.7 clients). */
export interface RecordedFrame {
  n: number;
  dir: 'c2s' | 's2c';
  /** Number of the connection within the recording. */
  conn: number;
  /** What the connection goes to: `namesrv`, `broker`, `slave-to-master`, … */
  peer: string;
  kind: 'request' | 'oneway' | 'response';
  code: number;
  codeName: string;
  requestCode?: number;
  requestName?: string;
  opaque: number;
  serialize: 'JSON' | 'ROCKETMQ';
  hex: string;
  decoded: Record<string, unknown>;
  bodyUtf8?: string;
  bodyHex?: string;
}

const FOLDER = new URL('./vectors/', import.meta.url);

/** Names of the recordings, without `.jsonl.gz`. */
export function recordingNames(): string[] {
  return readdirSync(FOLDER)
    .filter((name) => name.endsWith('.jsonl.gz'))
    .map((name) => name.slice(0, -'.jsonl.gz'.length))
    .sort();
}

/** Frames of a recording, in time order. */
export function readRecording(name: string): RecordedFrame[] {
  const text = gunzipSync(readFileSync(new URL(`${name}.jsonl.gz`, FOLDER))).toString('utf8');
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as RecordedFrame);
}

/** Every frame of every recording. */
export function allFrames(): { recording: string; frame: RecordedFrame }[] {
  return recordingNames().flatMap((recording) => readRecording(recording).map((frame) => ({ recording, frame })));
}

/** The recorded body; null when there is none. */
export function bodyOf(frame: RecordedFrame): Buffer | null {
  if (frame.bodyUtf8 !== undefined) {
    return Buffer.from(frame.bodyUtf8);
  }
  return frame.bodyHex === undefined ? null : Buffer.from(frame.bodyHex, 'hex');
}
