/** topicSysFlag bits. */
export const FLAG_UNIT = 1;
export const FLAG_UNIT_SUB = 2;

/** A JSON value that is passed on as it came. */
export type JsonLike = unknown;

/** Version of a broker's topics; counted up by the broker at each change. */
export interface DataVersion {
  readonly counter: number | bigint;
  readonly timestamp: number | bigint;
  readonly stateVersion?: number | bigint;
}

/** Queues of one topic on one group. */
export interface QueueData {
  brokerName: string;
  readQueueNums: number;
  writeQueueNums: number;
  perm: number;
  topicSysFlag: number;
}

/** What a registration says of one topic. */
export interface RegisteredTopic {
  readonly topicName: string;
  readonly readQueueNums: number;
  readonly writeQueueNums: number;
  readonly perm: number;
  readonly topicSysFlag: number;
}

/** One registration, decoded. */
export interface RegisteredBroker {
  readonly cluster: string;
  readonly brokerAddr: string;
  readonly brokerName: string;
  readonly brokerId: number;
  readonly haServerAddr: string;
  readonly timeoutMs: number;
  readonly enableActingMaster: boolean;
  readonly zoneName: string | null;
  readonly dataVersion: DataVersion;
  readonly topics: readonly RegisteredTopic[];
  /** TopicQueueMappingInfo by topic. */
  readonly mappings: ReadonlyMap<string, JsonLike>;
  readonly connection: unknown;
}
