import { createServer, type Server, type Socket } from 'node:net';

const HOST = '127.0.0.1';

/** A server on a port of its own whose connections are handed to `serve`, without it a silent one; nothing of it outlives `close`. */
export class RawServer {
  addr = '';
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  constructor(serve: (socket: Socket) => void = () => undefined) {
    this.#server = createServer((socket) => {
      this.#sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => this.#sockets.delete(socket));
      serve(socket);
    });
  }

  async listen(): Promise<this> {
    await new Promise<void>((resolve) => this.#server.listen(0, HOST, resolve));
    this.addr = `${HOST}:${(this.#server.address() as { port: number }).port}`;
    return this;
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) {
      socket.destroy();
    }
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
