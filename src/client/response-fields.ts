/* Numbers in the header of a response: one way to read them, and one error when a broker leaves them out. */

import { ProtocolError } from '../common/errors.js';
import type { RemotingCommand } from '../remoting/command.js';

/**
 * A number that the response must have. `what` says what was asked (`pull`), `from` who answered; four plain arguments, because
 * this runs for every send and pull.
 * @throws ProtocolError when it is missing or not an exact integer.
 */
export function numberField(response: RemotingCommand, name: string, what: string, from: string): number {
  const text = response.extFields?.[name];
  const value = Number(text);
  if (text === undefined || text === '' || !Number.isSafeInteger(value)) {
    throw new ProtocolError(`the ${what} response of broker ${from} has no number in field ${name}: ${text}`, {
      code: 'HEADER_FIELD',
      context: { field: name, extFields: response.extFields },
    });
  }
  return value;
}

/** A number that the response may leave out; anything but a number is still an error. */
export function optionalNumberField(response: RemotingCommand, name: string, what: string, from: string): number {
  return response.extFields?.[name] === undefined ? 0 : numberField(response, name, what, from);
}
