/*
 * JSON headers of the answers to sends. Those of one broker differ in five values: queueId, transactionId, msgId, queueOffset and opaque. The
 * text between them is learned from an answer that `JSON.parse` has read, whatever the order of its keys, and compared with the next one's:
 * half the time of `JSON.parse`, which stays the oracle of the tests. Any other answer gives null.
 */
import { FLAG_RESPONSE, type RemotingCommand, SERIALIZE_JSON } from './command.js';
import { flat } from './send-request-header.js';

/** Fields of an answer, and whether their values are learned or read. */
const FIELDS: ReadonlyMap<string, 'fixed' | 'read'> = new Map([
  ['queueId', 'read'],
  ['transactionId', 'read'],
  ['msgId', 'read'],
  ['queueOffset', 'read'],
  ['TRACE_ON', 'fixed'],
  ['MSG_REGION', 'fixed'],
]);
const OPAQUE = '"opaque":';
const HEAD = '{"code":0,"extFields":{"';
/** After an answer that taught nothing so many of other forms pass before one is looked at again. */
const LEARNING_PAUSE = 64;
const MAX_OPAQUE_DIGITS = 9;

/** What a broker's answers have in common. */
interface Layout {
  /** Texts around the values; one more than there are values. */
  readonly texts: readonly string[];
  /** Which of the values is which; -1 for a transactionId that is not there. */
  readonly queueId: number;
  readonly transactionId: number;
  readonly msgId: number;
  readonly queueOffset: number;
  readonly opaque: number;
  readonly traceOn: string;
  readonly region: string;
  readonly language: string;
  readonly version: number;
}

let layout: Layout | null = null;
let pause = 0;
/** Values of the header being read; one array for all, because reading is synchronous. */
const values: string[] = ['', '', '', '', ''];

/** Reads the header of a send's answer; null when it is of another form, which says nothing about its being right. */
export function scanSendResponse(text: string, body: Buffer | null): RemotingCommand | null {
  if (layout === null || !readValues(text, layout.texts)) {
    return null;
  }
  const { queueId, transactionId, msgId, queueOffset, traceOn, region, language, version } = layout;
  const opaque = exactNumber(values[layout.opaque]!);
  if (opaque < 0) {
    return null;
  }
  // In the order of Apache's brokers.
  const common = { queueId: values[queueId]!, msgId: values[msgId]!, queueOffset: values[queueOffset]! };
  const extFields: Record<string, string> =
    transactionId < 0
      ? { queueId: common.queueId, msgId: common.msgId, TRACE_ON: traceOn, MSG_REGION: region, queueOffset: common.queueOffset }
      : {
          queueId: common.queueId,
          transactionId: values[transactionId]!,
          msgId: common.msgId,
          TRACE_ON: traceOn,
          MSG_REGION: region,
          queueOffset: common.queueOffset,
        };
  return { code: 0, language, version, opaque, flag: FLAG_RESPONSE, remark: null, extFields, serializeType: SERIALIZE_JSON, body };
}

/** The value of some digits; -1 for what JSON writes in another way, or beyond nine digits. */
function exactNumber(digits: string): number {
  let value = 0;
  for (let i = 0; i < digits.length; i++) {
    const digit = digits.charCodeAt(i) - 48;
    if (digit < 0 || digit > 9 || (i === 1 && value === 0)) {
      return -1;
    }
    value = value * 10 + digit;
  }
  return digits.length > MAX_OPAQUE_DIGITS ? -1 : value;
}

/** Puts what stands between the texts into `values`; false when a text differs or a value is more than letters and digits. */
function readValues(text: string, texts: readonly string[]): boolean {
  // A substring and a comparison take half the time of startsWith.
  const first = texts[0]!;
  if (text.substring(0, first.length) !== first) {
    return false;
  }
  let at = first.length;
  for (let i = 1; i < texts.length; i++) {
    const start = at;
    for (let c = text.charCodeAt(at); (c >= 48 && c <= 57) || (c >= 65 && c <= 90) || (c >= 97 && c <= 122); c = text.charCodeAt(at)) {
      at++;
    }
    const next = texts[i]!;
    if (at === start || text.substring(at, at + next.length) !== next) {
      return false;
    }
    values[i - 1] = text.substring(start, at);
    at += next.length;
  }
  return at === text.length;
}

/** Learns from an answer that was read by `JSON.parse`, when it is one to a send. */
export function learnSendResponse(text: string, command: RemotingCommand): void {
  if (!text.startsWith(HEAD) || command.code !== 0 || command.flag !== FLAG_RESPONSE || command.remark !== null || pause-- > 0) {
    return;
  }
  const learned = layoutOf(text, command);
  if (learned === null) {
    pause = LEARNING_PAUSE;
    return;
  }
  layout = learned;
  // What was learned must read the text that it was learned from.
  if (scanSendResponse(text, null) === null) {
    layout = null;
    pause = LEARNING_PAUSE;
  }
}

interface Value {
  readonly name: string;
  readonly start: number;
  readonly end: number;
}

function layoutOf(text: string, command: RemotingCommand): Layout | null {
  const fields = command.extFields ?? {};
  const found: Value[] = [];
  for (const [name, value] of Object.entries(fields)) {
    const kind = FIELDS.get(name);
    const opening = `"${name}":"`;
    const start = text.indexOf(opening) + opening.length;
    // What is written twice, or with escapes, is none of these forms.
    const isPlain = start >= opening.length && text.startsWith(`${value}"`, start) && text.indexOf(opening, start) < 0;
    if (kind === undefined || !isPlain) {
      return null;
    }
    if (kind === 'read') {
      found.push({ name, start, end: start + value.length });
    }
  }
  const opaqueStart = text.indexOf(OPAQUE) + OPAQUE.length;
  if (opaqueStart < OPAQUE.length || !text.startsWith(String(command.opaque), opaqueStart) || text.indexOf(OPAQUE, opaqueStart) >= 0) {
    return null;
  }
  found.push({ name: 'opaque', start: opaqueStart, end: opaqueStart + String(command.opaque).length });
  found.sort((a, b) => a.start - b.start);
  const indexOf = (name: string): number => found.findIndex((value) => value.name === name);
  const { TRACE_ON: traceOn, MSG_REGION: region } = fields;
  const isWhole = ['queueId', 'msgId', 'queueOffset'].every((name) => indexOf(name) >= 0);
  if (!isWhole || traceOn === undefined || region === undefined) {
    return null;
  }
  return {
    texts: [...found.map(({ start }, i) => flat(text.substring(found[i - 1]?.end ?? 0, start))), flat(text.substring(found.at(-1)!.end))],
    ...{ queueId: indexOf('queueId'), transactionId: indexOf('transactionId'), msgId: indexOf('msgId') },
    ...{ queueOffset: indexOf('queueOffset'), opaque: indexOf('opaque'), traceOn, region },
    ...{ language: command.language, version: command.version },
  };
}
