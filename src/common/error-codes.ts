/** One row of the error table; documentation is made from it. */
export interface ErrorCodeEntry {
  /** What happened, for the reference page. */
  text: string;
  /** What the reader can do; shown when the error carries no hint of its own. */
  hint?: string;
}

/** Codes of errors by name. An error may carry a code that is not listed; then it has no default hint. */
export const ERROR_CODES: Readonly<Record<string, ErrorCodeEntry>> = {
  USAGE: { text: 'an option or argument is wrong' },
  CONFIG: { text: 'a configuration file or key cannot be used' },
  CONNECT_FAILED: { text: 'no connection to the address', hint: 'check that the node runs and that the address is right' },
  CONNECTION_CLOSED: {
    text: 'the connection closed before the answer came',
    hint: 'check that the address is that of a RocketMQ node, and look into its log',
  },
  CONNECTION_OVERLOADED: { text: 'too many bytes or requests wait on the connection', hint: 'send slower, or wait for answers' },
  REQUEST_TIMEOUT: { text: 'no answer in time', hint: 'check that the node is not stopped or overloaded, and that the address is right' },
  SEND_CALL_TIMEOUT: { text: 'the time of a send was used up before a broker could be asked' },
  SEND_BACK_PRESSURE: { text: 'a send got no permit of the back-pressure' },
  REPLY_TIMEOUT: { text: 'a request was sent, but no reply came in time' },
  REQUESTS_OVERLOADED: { text: 'too many requests wait for a reply' },
  CREATE_REPLY_FAILED: { text: 'a message that is no request cannot be replied to' },
  NOT_FOUND: { text: 'the thing asked for does not exist' },
  DENIED: {
    text: 'permission or signature was refused',
    hint: 'check accessKey and secretKey, and the permissions of the topic and group',
  },
  PARTIAL: { text: 'some brokers did it, some did not' },
  BROKER_REFUSED: { text: 'a node answered with an error code' },
  PROTOCOL: { text: 'bytes or fields do not follow the protocol', hint: 'check that the address is that of a RocketMQ node' },
  FRAME_TOO_LARGE: { text: 'a frame is longer than the limit' },
  HEADER_FIELD: { text: 'a header field is missing or malformed' },
  BODY_MALFORMED: { text: 'a body cannot be decoded' },
  RECORD_MALFORMED: { text: 'a message record cannot be decoded' },
  COMPRESSION_UNSUPPORTED: { text: 'the compression type has no codec here' },
  STORE_OPEN: {
    text: 'files of the store cannot be opened',
    hint: 'check free space and permissions of the folder, and start again: nothing was changed',
  },
  STORE: { text: 'files of the store cannot be read, written or trusted' },
  DIFFERENT: { text: 'what was compared is not the same' },
  ASSERTION_FAILED: { text: 'a result is not what --assert or --fail-over asks for' },
  INTERRUPTED: { text: 'Ctrl-C, or a signal that asks to end' },
  REPORT_NOT_WRITTEN: { text: 'a file with a result could not be written', hint: 'make room, or name another file' },
};
