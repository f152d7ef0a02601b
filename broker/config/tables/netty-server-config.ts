// Keys of the listening side of both nodes.
import { bool, type ConfigValues, int, text } from '../key.js';

/** Keys of `NettyServerConfig`, in Apache's order. */
export const NETTY_SERVER_CONFIG = {
  listenPort: int(10_911, 'main remoting port (fast port = listenPort - 2, HA default listenPort + 1)', { use: 'start' }),
  bindAddress: text('0.0.0.0', 'listen address of the remoting ports', { use: 'start', since: '5.x' }),
  serverWorkerThreads: int(8, 'netty worker threads'),
  serverCallbackExecutorThreads: int(0, 'callback threads (0 = 4)'),
  serverSelectorThreads: int(3, 'IO threads'),
  serverOnewaySemaphoreValue: int(256, 'one-way limit'),
  serverAsyncSemaphoreValue: int(64, 'async limit'),
  serverChannelMaxIdleTimeSeconds: int(120, 'seconds without traffic until a connection is closed', { use: 'start', unit: 's' }),
  serverSocketSndBufSize: int(0, '0 = OS', { unit: 'bytes' }),
  serverSocketRcvBufSize: int(0, '0 = OS', { unit: 'bytes' }),
  writeBufferHighWaterMark: int(0, 'bytes waiting to be sent on a connection above which it is not read any more, 0 = built-in limit', {
    unit: 'bytes',
  }),
  writeBufferLowWaterMark: int(0, '0 = netty default'),
  serverSocketBacklog: int(1024, 'backlog of the listening sockets'),
  serverNettyWorkerGroupEnable: bool(true, 'separate worker group', { since: '5.x' }),
  serverPooledByteBufAllocatorEnable: bool(true, 'pooled buffers'),
  enableShutdownGracefully: bool(false, 'send go-away on shutdown', { since: '5.x' }),
  shutdownWaitTimeSeconds: int(30, 'wait for it', { unit: 's', since: '5.x' }),
  useEpollNativeSelector: bool(false, 'epoll transport'),
} as const;

export type NettyServerConfigValues = ConfigValues<typeof NETTY_SERVER_CONFIG>;
