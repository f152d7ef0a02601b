import type { JsonValue } from '../../src/common/fastjson.js';
import { type DataVersion, decodeRegisterBrokerBody, type TopicConfig } from '../../src/remoting/bodies/index.js';
import type { RemotingCommand } from '../../src/remoting/command.js';
import type { HeaderOf, RegisterBrokerRequestHeader } from '../../src/remoting/headers/index.js';

/** A broker that says nothing else is dropped after this long without a sign of life. */
const DEFAULT_TIMEOUT_MS = 120_000;

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
  readonly topics: ReadonlyMap<string, TopicConfig>;
  /** TopicQueueMappingInfo of static topics, as it came. */
  readonly mappings: ReadonlyMap<string, JsonValue>;
  readonly connection: unknown;
}

/** Reads REGISTER_BROKER; a broker without topics sends no body. */
export function decodeRegistration(
  header: HeaderOf<typeof RegisterBrokerRequestHeader>,
  request: RemotingCommand,
  connection: unknown,
): RegisteredBroker {
  const timeoutMs = header.heartbeatTimeoutMillis ?? 0;
  const body = request.body === null || request.body.length === 0 ? Buffer.from('{}') : request.body;
  const wrapper = decodeRegisterBrokerBody(body, request.version).topicConfigSerializeWrapper;
  return {
    cluster: header.clusterName,
    brokerAddr: header.brokerAddr,
    brokerName: header.brokerName,
    brokerId: header.brokerId,
    haServerAddr: header.haServerAddr,
    timeoutMs: timeoutMs > 0 ? timeoutMs : DEFAULT_TIMEOUT_MS,
    enableActingMaster: header.enableActingMaster ?? false,
    zoneName: header.__ZONE_NAME ?? null,
    dataVersion: wrapper.dataVersion,
    topics: wrapper.topicConfigTable,
    mappings: new Map(Object.entries(wrapper.topicQueueMappingInfoMap ?? {})),
    connection,
  };
}
