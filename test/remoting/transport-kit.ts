import { connect, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';
import { RemotingClient, type RemotingClientOptions } from '../../src/remoting/client.js';
import type { RemotingCommand } from '../../src/remoting/command.js';
import { encodeCommand, FrameDecoder } from '../../src/remoting/frame.js';
import { RemotingServer, type RemotingServerOptions } from '../../src/remoting/server.js';

/** Waits until the condition holds. */
export async function until(condition: () => boolean, timeoutMs = 30_000): Promise<void> {
  const startMs = performance.now();
  while (!condition()) {
    if (performance.now() - startMs > timeoutMs) {
      throw new Error(`condition did not hold within ${timeoutMs} ms: ${condition}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

/** A listening server on a free port, closed when the test ends. */
export async function startServer(
  prepare: (server: RemotingServer) => void,
  options: Partial<RemotingServerOptions> = {},
): Promise<{ server: RemotingServer; addr: string; port: number; vipPort: number | null }> {
  const server = new RemotingServer({ bindAddress: '127.0.0.1', listenPort: 0, ...options });
  prepare(server);
  const { listenPort, vipPort } = await server.listen();
  onTestFinished(() => server.close(0));
  return { server, addr: `127.0.0.1:${listenPort}`, port: listenPort, vipPort };
}

/** A client that is closed when the test ends. */
export function startClient(options: RemotingClientOptions = {}): RemotingClient {
  const client = new RemotingClient(options);
  onTestFinished(() => client.close());
  return client;
}

/** A socket without any protocol of its own, for bytes that no client would send. */
export class RawPeer {
  readonly socket: Socket;
  readonly frames: RemotingCommand[] = [];
  closed = false;

  private constructor(socket: Socket) {
    this.socket = socket;
    const decoder = new FrameDecoder();
    socket.on('data', (chunk: Buffer) => decoder.push(chunk, { onFrame: (frame) => this.frames.push(frame) }));
    socket.on('error', () => {});
    socket.on('close', () => {
      this.closed = true;
    });
  }

  static async connect(port: number): Promise<RawPeer> {
    const socket = connect({ host: '127.0.0.1', port });
    const peer = new RawPeer(socket);
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', () => resolve());
      socket.once('error', reject);
    });
    onTestFinished(() => {
      socket.destroy();
    });
    return peer;
  }

  send(command: Partial<RemotingCommand> & { code: number }): void {
    this.socket.write(encodeCommand(newCommand(command)));
  }
}

/** A command with the usual values for what is not given. */
export function newCommand(fields: Partial<RemotingCommand> & { code: number }): RemotingCommand {
  return {
    language: 'JAVA',
    version: 479,
    opaque: 1,
    flag: 0,
    remark: null,
    extFields: null,
    serializeType: 0,
    body: null,
    ...fields,
  };
}
