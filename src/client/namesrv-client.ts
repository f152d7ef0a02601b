import type { Random } from '../common/clock.js';
import { systemRandom } from '../common/clock.js';
import { ConfigError, ConnectError, MQError, TimeoutError } from '../common/errors.js';
import { decodeTopicRouteData, type TopicRouteData } from '../remoting/bodies/route.js';
import { type RemotingClient, responseError } from '../remoting/client.js';
import { RequestCode, ResponseCode } from '../remoting/codes.js';
import type { RemotingCommand, RequestInit } from '../remoting/command.js';

/** Default time-out of one request to a name server, ms. */
export const NAMESRV_TIMEOUT_MS = 3_000;

/** An answer and the name server it came from. */
export interface NamesrvAnswer {
  addr: string;
  response: RemotingCommand;
}

export interface NamesrvClientOptions {
  /** `host:port`, several separated by `;`. */
  namesrvAddr: string | readonly string[];
  remoting: RemotingClient;
  /** Time-out of one request to one name server, ms. Default 3000. */
  timeoutMs?: number;
  random?: Random;
}

/**
 * Splits a name server list: `;` separates (a comma is accepted), blanks are ignored, and of the end-point form
 * `http://host:port` only the part behind the last `/` counts.
 * @throws ConfigError when an entry has no port.
 */
export function parseNamesrvAddr(text: string | readonly string[]): string[] {
  const parts = typeof text === 'string' ? text.split(/[;,]/) : text;
  const addrs: string[] = [];
  for (const part of parts) {
    const addr = part.trim().replace(/^https?:\/\/(?:.*\/)?/, '');
    if (addr === '' || addrs.includes(addr)) {
      continue;
    }
    const port = Number(addr.slice(addr.lastIndexOf(':') + 1));
    if (!addr.includes(':') || !Number.isInteger(port) || port < 1 || port > 65535) {
      throw new ConfigError(`name server address ${JSON.stringify(part.trim())} is not host:port`, {
        hint: 'write host:port, several separated by ";", for example 127.0.0.1:9876;127.0.0.1:9875',
      });
    }
    addrs.push(addr);
  }
  return addrs;
}

/**
 * Asks name servers. It starts at a random one, stays with it while it answers, and goes on to the next one when it does not.
 * Name servers do not know each other: what one refuses (an unknown topic, say) is an answer, and no other one is asked.
 */
export class NamesrvClient {
  readonly #remoting: RemotingClient;
  readonly #timeoutMs: number;
  readonly #random: Random;
  #addrs: string[];
  #current: number;

  constructor(options: NamesrvClientOptions) {
    this.#remoting = options.remoting;
    this.#timeoutMs = options.timeoutMs ?? NAMESRV_TIMEOUT_MS;
    this.#random = options.random ?? systemRandom;
    this.#addrs = parseNamesrvAddr(options.namesrvAddr);
    this.#current = this.#addrs.length > 1 ? this.#random.nextInt(this.#addrs.length) : 0;
  }

  /** All configured addresses, in the order given. */
  get addresses(): readonly string[] {
    return this.#addrs;
  }

  /** Replaces the list; the one in use is kept when it is still there. */
  updateAddresses(namesrvAddr: string | readonly string[]): void {
    const addrs = parseNamesrvAddr(namesrvAddr);
    const kept = addrs.indexOf(this.#addrs[this.#current] ?? '');
    this.#addrs = addrs;
    this.#current = kept >= 0 ? kept : addrs.length > 1 ? this.#random.nextInt(addrs.length) : 0;
  }

  /**
   * Sends a request to the name server in use, and to the next ones while none answers.
   * @returns any answer, also one with an error code.
   * @throws ConfigError without addresses; ConnectError or TimeoutError that names each one tried.
   */
  async invoke(request: RequestInit, timeoutMs: number = this.#timeoutMs): Promise<NamesrvAnswer> {
    const count = this.#addrs.length;
    if (count === 0) {
      throw new ConfigError('no name server address', { code: 'NO_NAMESRV', hint: 'give one with -n host:port or NAMESRV_ADDR' });
    }
    const failures: MQError[] = [];
    const first = this.#current;
    for (let step = 0; step < count; step++) {
      const index = (first + step) % count;
      const addr = this.#addrs[index];
      if (addr === undefined) {
        break;
      }
      try {
        const response = await this.#remoting.invoke(addr, request, timeoutMs);
        if (this.#addrs[index] === addr) {
          this.#current = index;
        }
        return { addr, response };
      } catch (error) {
        if (!(error instanceof ConnectError || error instanceof TimeoutError)) {
          throw error;
        }
        failures.push(error);
      }
    }
    throw noNamesrvAnswers(this.#addrs, failures);
  }

  /** Sends the same request to every name server; one entry an address, in order. */
  invokeAll(
    request: RequestInit,
    timeoutMs: number = this.#timeoutMs,
  ): Promise<Array<{ addr: string; response?: RemotingCommand; error?: MQError }>> {
    return Promise.all(
      this.#addrs.map(async (addr) => {
        try {
          return { addr, response: await this.#remoting.invoke(addr, request, timeoutMs) };
        } catch (error) {
          if (error instanceof MQError) {
            return { addr, error };
          }
          throw error;
        }
      }),
    );
  }

  /**
   * The route of a topic.
   * @returns null when the name server does not know the topic (code 17).
   * @throws BrokerError for another code, ConnectError or TimeoutError when none answers.
   */
  async getTopicRoute(topic: string, timeoutMs?: number): Promise<TopicRouteData | null> {
    const { addr, response } = await this.invoke({ code: RequestCode.GET_ROUTEINFO_BY_TOPIC, extFields: { topic } }, timeoutMs);
    if (response.code === ResponseCode.SUCCESS && response.body !== null) {
      return decodeTopicRouteData(response.body);
    }
    if (response.code === ResponseCode.TOPIC_NOT_EXIST) {
      return null;
    }
    throw responseError(response, addr);
  }
}

function noNamesrvAnswers(addrs: readonly string[], failures: readonly MQError[]): MQError {
  const only = failures.length === 1 ? failures[0] : undefined;
  if (only !== undefined) {
    return only;
  }
  const context = { addrs: [...addrs], failures: failures.map((failure) => failure.message) };
  return new ConnectError(
    `none of the name servers ${addrs.join(';')} answered: ${failures.map((failure) => failure.message).join('; ')}`,
    {
      hint: 'check that a name server runs and that the addresses are right',
      context,
      cause: failures[0],
    },
  );
}
