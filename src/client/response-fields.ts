/* Numbers in the header of a response: one way to read them, and one error when a broker leaves them out. */

import { ProtocolError } from '../common/errors.js';

/**
 * The number in the text of a field that the response must have. `what` says what was asked (`pull`), `from` who answered; plain
 * arguments, because this runs for every send and pull.
 * @throws ProtocolError when it is missing or not an exact integer.
 */
export function numberField(text: string | undefined, name: string, what: string, from: string): number {
  const value = Number(text);
  if (text === undefined || text === '' || !Number.isSafeInteger(value)) {
    throw new ProtocolError(`the ${what} response of broker ${from} has no number in field ${name}: ${text}`, {
      code: 'HEADER_FIELD',
      context: { field: name, text },
    });
  }
  return value;
}

/** A number that the response may leave out; anything but a number is still an error. */
export function optionalNumberField(text: string | undefined, name: string, what: string, from: string): number {
  return text === undefined ? 0 : numberField(text, name, what, from);
}
