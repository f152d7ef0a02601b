// Keys of a node's own out-going connections.
import { bool, type ConfigValues, int, text } from '../key.js';

/** Keys of `NettyClientConfig`, in Apache's order. */
export const NETTY_CLIENT_CONFIG = {
  clientWorkerThreads: int(4, 'worker threads of out-going connections'),
  clientCallbackExecutorThreads: int(2, 'callback threads of out-going connections'),
  clientOnewaySemaphoreValue: int(65_535, 'one-way limit of out-going connections'),
  clientAsyncSemaphoreValue: int(65_535, 'async limit of out-going connections'),
  connectTimeoutMillis: int(3000, 'connect time-out of out-going connections', { unit: 'ms' }),
  channelNotActiveInterval: int(60_000, 'unused by out-going connections'),
  isScanAvailableNameSrv: bool(true, 'scan for name servers that answer', { since: '5.x' }),
  clientChannelMaxIdleTimeSeconds: int(120, 'idle close of out-going connections', { unit: 's' }),
  clientSocketSndBufSize: int(0, 'send buffer of out-going connections, 0 = OS', { unit: 'bytes' }),
  clientSocketRcvBufSize: int(0, 'receive buffer of out-going connections, 0 = OS', { unit: 'bytes' }),
  clientPooledByteBufAllocatorEnable: bool(false, 'pooled buffers of out-going connections'),
  clientCloseSocketIfTimeout: bool(true, 'close an out-going connection after a time-out'),
  useTLS: bool(false, 'out-going connections use TLS'),
  socksProxyConfig: text('{}', 'SOCKS proxies of out-going connections, JSON', { since: '5.x' }),
  disableCallbackExecutor: bool(false, 'out-going connections without callback threads', { since: '5.x' }),
  disableNettyWorkerGroup: bool(false, 'out-going connections without worker threads', { since: '5.x' }),
  maxReconnectIntervalTimeSeconds: int(60, 'longest pause between reconnects', { unit: 's', since: '5.x' }),
  enableReconnectForGoAway: bool(true, 'reconnect after GO_AWAY', { since: '5.x' }),
} as const;

export type NettyClientConfigValues = ConfigValues<typeof NETTY_CLIENT_CONFIG>;
