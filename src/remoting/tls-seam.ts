import type { Socket } from 'node:net';

/** Where TLS will come in: each end may replace a fresh socket by one that encrypts. */
export interface TlsSeam {
  /** Server side, called with an accepted socket before anything is read. */
  wrapAccepted?(socket: Socket): Socket;
  /** Client side, called with a connected socket. */
  wrapConnected?(socket: Socket, addr: string): Socket;
}
