import { ERROR_CODES } from './error-codes.js';

/** What kind of failure an error is; each kind has one exit code. */
export type ErrorCategory =
  | 'usage'
  | 'config'
  | 'connect'
  | 'timeout'
  | 'notFound'
  | 'denied'
  | 'partial'
  | 'broker'
  | 'protocol'
  | 'store'
  | 'difference'
  | 'assertion'
  | 'interrupted';

/** Exit code of a process that ends with an error of the category. */
export const EXIT_CODES: Readonly<Record<ErrorCategory, number>> = {
  usage: 2,
  config: 2,
  connect: 3,
  timeout: 3,
  notFound: 4,
  denied: 5,
  partial: 6,
  broker: 1,
  protocol: 1,
  store: 1,
  difference: 7,
  assertion: 99,
  interrupted: 130,
};

/** Optional parts of every error. */
export interface ErrorOptions {
  /** Key of `ERROR_CODES`, or a code of the caller's own. */
  code?: string;
  /** What the reader can do about it; one sentence or command. */
  hint?: string;
  /** Values that belong to the message, for JSON output and logs. */
  context?: Record<string, unknown>;
  cause?: unknown;
  /** Whether the same call may succeed when it is repeated. */
  retriable?: boolean;
}

/** Base of all errors this project throws on purpose. */
export class MQError extends Error {
  readonly code: string;
  readonly category: ErrorCategory;
  readonly retriable: boolean;
  readonly hint?: string;
  readonly context: Record<string, unknown>;

  constructor(category: ErrorCategory, message: string, options: ErrorOptions & { defaultCode: string }) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = new.target.name;
    this.category = category;
    this.code = options.code ?? options.defaultCode;
    this.retriable = options.retriable ?? (category === 'connect' || category === 'timeout');
    const hint = options.hint ?? ERROR_CODES[this.code]?.hint;
    if (hint !== undefined) {
      this.hint = hint;
    }
    this.context = options.context ?? {};
  }

  /** Exit code for a command that ends with this error. */
  get exitCode(): number {
    return EXIT_CODES[this.category];
  }

  /** Shape of the error in JSON output. */
  toJSON(): Record<string, unknown> {
    return {
      code: this.code,
      category: this.category,
      message: this.message,
      ...(this.hint === undefined ? {} : { hint: this.hint }),
      retriable: this.retriable,
      context: this.context,
    };
  }
}

/** A wrong option or argument. */
export class UsageError extends MQError {
  constructor(message: string, options: ErrorOptions = {}) {
    super('usage', message, { ...options, defaultCode: 'USAGE' });
  }
}

/** A configuration file or key that cannot be used. */
export class ConfigError extends MQError {
  constructor(message: string, options: ErrorOptions = {}) {
    super('config', message, { ...options, defaultCode: 'CONFIG' });
  }
}

/** No connection, or a connection that broke before the answer came. */
export class ConnectError extends MQError {
  constructor(message: string, options: ErrorOptions = {}) {
    super('connect', message, { ...options, defaultCode: 'CONNECT_FAILED' });
  }
}

/** An answer that did not come in time. */
export class TimeoutError extends MQError {
  constructor(message: string, options: ErrorOptions = {}) {
    super('timeout', message, { ...options, defaultCode: 'REQUEST_TIMEOUT' });
  }
}

/** A topic, group, broker or message that does not exist. */
export class NotFoundError extends MQError {
  constructor(message: string, options: ErrorOptions = {}) {
    super('notFound', message, { ...options, defaultCode: 'NOT_FOUND' });
  }
}

/** A permission or signature that was refused. */
export class DeniedError extends MQError {
  constructor(message: string, options: ErrorOptions = {}) {
    super('denied', message, { ...options, defaultCode: 'DENIED' });
  }
}

/** Some brokers did it, some did not; `context` lists done, failed and unknown. */
export class PartialError extends MQError {
  constructor(message: string, options: ErrorOptions = {}) {
    super('partial', message, { ...options, defaultCode: 'PARTIAL' });
  }
}

/** A node answered with a response code that is not success. */
export class BrokerError extends MQError {
  readonly responseCode: number;
  readonly remark: string | null;
  readonly brokerAddr: string;

  constructor(message: string, options: ErrorOptions & { responseCode: number; remark?: string | null; brokerAddr?: string }) {
    const remark = options.remark ?? null;
    const brokerAddr = options.brokerAddr ?? '';
    super('broker', message, {
      ...options,
      context: { responseCode: options.responseCode, remark, brokerAddr, ...options.context },
      defaultCode: 'BROKER_REFUSED',
    });
    this.responseCode = options.responseCode;
    this.remark = remark;
    this.brokerAddr = brokerAddr;
  }
}

/** Bytes or fields of a peer that do not follow the protocol. */
export class ProtocolError extends MQError {
  constructor(message: string, options: ErrorOptions = {}) {
    super('protocol', message, { ...options, defaultCode: 'PROTOCOL' });
  }
}

/** Files of the store that cannot be read, written or trusted. */
export class StoreError extends MQError {
  constructor(message: string, options: ErrorOptions = {}) {
    super('store', message, { ...options, defaultCode: 'STORE' });
  }
}

/** Two things that were compared are not the same. */
export class DifferenceError extends MQError {
  constructor(message: string, options: ErrorOptions = {}) {
    super('difference', message, { ...options, defaultCode: 'DIFFERENT' });
  }
}

/** What a result was expected to be and is not. */
export class AssertionsFailedError extends MQError {
  constructor(message: string, options: ErrorOptions = {}) {
    super('assertion', message, { ...options, defaultCode: 'ASSERTION_FAILED' });
  }
}

/** What was ended from outside: by Ctrl-C, or by a signal that asks to end. */
export class InterruptedError extends MQError {
  readonly signal: 'SIGINT' | 'SIGTERM';

  constructor(message: string, options: ErrorOptions & { signal: 'SIGINT' | 'SIGTERM' }) {
    super('interrupted', message, { ...options, context: { signal: options.signal, ...options.context }, defaultCode: 'INTERRUPTED' });
    this.signal = options.signal;
  }

  /** What a shell answers for a process that the signal ended. */
  override get exitCode(): number {
    return this.signal === 'SIGTERM' ? 143 : EXIT_CODES.interrupted;
  }
}
