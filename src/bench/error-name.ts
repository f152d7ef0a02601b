import type { MQError } from '../common/errors.js';
import { responseCodeName } from '../remoting/codes.js';

/** The name an error is counted under: the broker's response code where it answered, else the error's own code. */
export function errorName(error: MQError): string {
  const code = error.context.responseCode;
  return typeof code === 'number' ? responseCodeName(code) : error.code;
}
