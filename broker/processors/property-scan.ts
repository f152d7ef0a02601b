/*
 * One pass over a message's properties text (name 0x01 value 0x02 …) that picks what the send path decides on, without a map and
 * without cutting out values that nobody asks for.
 */

import { parseDecimal } from './fields.js';

/** What a properties text holds, as far as a send depends on it. */
export interface ScannedProperties {
  /** Hash of TAGS as the consume queue wants it; 0 without a tag. */
  tagsCode: number;
  /** UNIQ_KEY; empty when there is none. */
  uniqKey: string;
  /** DELAY as a number; 0 when missing, NaN when it is not an int. */
  delayLevel: number;
  waitStoreMsgOK: boolean;
  isTransaction: boolean;
  hasKeys: boolean;
  /** A TIMER_… property that asks for a delivery time. */
  hasTimer: boolean;
  hasMultiDispatch: boolean;
  hasInnerBatch: boolean;
  /** A property that the broker writes or removes itself: POP_CK, MSG_REGION, TRACE_ON, CLUSTER, or any TIMER_…. */
  needsRewrite: boolean;
}

const NAME_VALUE_SEPARATOR = 1;
const PROPERTY_SEPARATOR = '\u0002';

/** A fresh result, to be reused from scan to scan. */
export function newScan(): ScannedProperties {
  return {
    tagsCode: 0,
    uniqKey: '',
    delayLevel: 0,
    waitStoreMsgOK: true,
    isTransaction: false,
    hasKeys: false,
    hasTimer: false,
    hasMultiDispatch: false,
    hasInnerBatch: false,
    needsRewrite: false,
  };
}

/** Scans `text` into `out`. The last of duplicate names wins, as in a map. */
export function scanProperties(text: string, out: ScannedProperties): void {
  out.tagsCode = 0;
  out.uniqKey = '';
  out.delayLevel = 0;
  out.waitStoreMsgOK = true;
  out.isTransaction = false;
  out.hasKeys = false;
  out.hasTimer = false;
  out.hasMultiDispatch = false;
  out.hasInnerBatch = false;
  out.needsRewrite = false;
  const length = text.length;
  let start = 0;
  while (start < length) {
    let end = text.indexOf(PROPERTY_SEPARATOR, start);
    if (end < 0) end = length;
    // Only names that begin like one of ours are looked at further.
    switch (text.charCodeAt(start)) {
      case 84: // T
        scanT(text, start, end, out);
        break;
      case 85: // U
        if (isName(text, start, 'UNIQ_KEY', 8)) out.uniqKey = text.slice(start + 9, end);
        break;
      case 87: // W
        if (isName(text, start, 'WAIT', 4)) out.waitStoreMsgOK = text.slice(start + 5, end) !== 'false';
        break;
      case 75: // K
        if (isName(text, start, 'KEYS', 4)) out.hasKeys = end > start + 5;
        break;
      case 68: // D
        if (isName(text, start, 'DELAY', 5)) out.delayLevel = levelOf(text.slice(start + 6, end));
        break;
      case 73: // I
        if (isName(text, start, 'INNER_MULTI_DISPATCH', 20)) out.hasMultiDispatch = true;
        else if (isName(text, start, 'INNER_NUM', 9) || isName(text, start, 'INNER_BASE', 10)) out.hasInnerBatch = true;
        break;
      case 77: // M
        if (isName(text, start, 'MSG_REGION', 10)) out.needsRewrite = true;
        break;
      case 67: // C
        if (isName(text, start, 'CLUSTER', 7)) out.needsRewrite = true;
        break;
      case 80: // P
        if (isName(text, start, 'POP_CK', 6)) out.needsRewrite = true;
        break;
    }
    start = end + 1;
  }
}

function scanT(text: string, start: number, end: number, out: ScannedProperties): void {
  if (isName(text, start, 'TAGS', 4)) {
    out.tagsCode = hashOf(text, start + 5, end);
  } else if (isName(text, start, 'TRAN_MSG', 8)) {
    out.isTransaction = text.slice(start + 9, end) === 'true';
  } else if (isName(text, start, 'TRACE_ON', 8)) {
    out.needsRewrite = true;
  } else if (text.startsWith('TIMER_', start)) {
    out.needsRewrite = true;
    if (
      isName(text, start, 'TIMER_DELAY_SEC', 15) ||
      isName(text, start, 'TIMER_DELAY_MS', 14) ||
      isName(text, start, 'TIMER_DELIVER_MS', 16)
    ) {
      out.hasTimer = true;
    }
  }
}

function isName(text: string, start: number, name: string, length: number): boolean {
  return text.charCodeAt(start + length) === NAME_VALUE_SEPARATOR && text.startsWith(name, start);
}

/** Java's String.hashCode of a part of a text. */
function hashOf(text: string, start: number, end: number): number {
  let hash = 0;
  for (let i = start; i < end; i++) hash = (Math.imul(31, hash) + text.charCodeAt(i)) | 0;
  return hash;
}

/** Java's Integer.parseInt, NaN where that throws; an empty property is none. */
function levelOf(text: string): number {
  if (text === '') return 0;
  const level = parseDecimal(text.charCodeAt(0) === 43 ? text.slice(1) : text);
  return (level | 0) === level ? level : Number.NaN;
}
