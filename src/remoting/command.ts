import { MQ_VERSION } from '../common/mq-version.js';

export const SERIALIZE_JSON = 0;
export const SERIALIZE_ROCKETMQ = 1;
export type SerializeType = typeof SERIALIZE_JSON | typeof SERIALIZE_ROCKETMQ;

/** Bit 0 of `flag`: the frame is a response. */
export const FLAG_RESPONSE = 1;
/** Bit 1 of `flag`: no answer is expected. */
export const FLAG_ONEWAY = 2;

/** Language our frames carry: 4.9 peers do not know NODE_JS, and a null language breaks some of their tools. */
export const OWN_LANGUAGE = 'OTHER';

/** One frame, decoded. */
export interface RemotingCommand {
  code: number;
  /** Name of the sender's language. */
  language: string;
  version: number;
  /** Correlation id, int32; a response repeats its request's. */
  opaque: number;
  flag: number;
  remark: string | null;
  extFields: Record<string, string> | null;
  serializeType: SerializeType;
  /** A view of the received bytes; copy it to keep it long. Null when the frame has no body. */
  body: Buffer | null;
}

/** What a caller gives for a request; the transport adds opaque, flag, language and version. */
export interface RequestInit {
  code: number;
  extFields?: Record<string, string> | null;
  body?: Buffer | null;
  remark?: string | null;
  version?: number;
  language?: string;
}

export function isResponse(command: RemotingCommand): boolean {
  return (command.flag & FLAG_RESPONSE) !== 0;
}

export function isOneway(command: RemotingCommand): boolean {
  return (command.flag & FLAG_ONEWAY) !== 0;
}

/** A request frame of ours. */
export function requestCommand(request: RequestInit, opaque: number, flag: number, serializeType: SerializeType): RemotingCommand {
  return {
    code: request.code,
    language: request.language ?? OWN_LANGUAGE,
    version: request.version ?? MQ_VERSION,
    opaque,
    flag,
    remark: request.remark ?? null,
    extFields: request.extFields ?? null,
    serializeType,
    body: request.body ?? null,
  };
}

/** The response frame to a request. */
export function responseCommand(
  request: RemotingCommand,
  code: number,
  remark: string | null = null,
  extFields: Record<string, string> | null = null,
  body: Buffer | null = null,
): RemotingCommand {
  return {
    code,
    language: OWN_LANGUAGE,
    version: MQ_VERSION,
    opaque: request.opaque,
    flag: FLAG_RESPONSE,
    remark,
    extFields,
    serializeType: request.serializeType,
    body,
  };
}
