/** Gates in front of a send, by the word in brackets that their remark begins with. */
const FLOW_GATES = ['REJECTREQUEST', 'OVERLOAD', 'PCBUSY_CLEAN_QUEUE', 'TIMEOUT_CLEAN_QUEUE', 'PC_SYNCHRONIZED'] as const;

/** Response codes that a send can end with beside SUCCESS. */
const RESPONSE_CODES = [
  'SYSTEM_ERROR',
  'FLUSH_DISK_TIMEOUT',
  'SLAVE_NOT_AVAILABLE',
  'FLUSH_SLAVE_TIMEOUT',
  'MESSAGE_ILLEGAL',
  'SERVICE_NOT_AVAILABLE',
  'NO_PERMISSION',
  'TOPIC_NOT_EXIST',
  'SUBSCRIPTION_GROUP_NOT_EXIST',
  'INVALID_PARAMETER',
];

/** What became of sends that did not end with SUCCESS, one-way ones included, and how many wait; since the start of the broker. */
export class SendCounters {
  /** Sends that wait for the store's acknowledgement. */
  inFlight = 0;
  readonly #byName = new Map<string, number>([...FLOW_GATES, ...RESPONSE_CODES].map((name) => [name, 0]));

  /** Counts one send that a gate turned away, or that was answered with a code. */
  count(name: string): void {
    this.#byName.set(name, this.of(name) + 1);
  }

  of(name: string): number {
    return this.#byName.get(name) ?? 0;
  }

  /** All names with their counts; names that never happened too. */
  entries(): Iterable<[string, number]> {
    return this.#byName.entries();
  }
}
