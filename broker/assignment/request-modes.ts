import type { JsonObject } from '../../src/common/fastjson.js';
import { isRetryTopic } from '../../src/common/topic-names.js';
import {
  type MessageRequestModeMap,
  messageRequestModes,
  type SetMessageRequestModeRequestBody,
  toMessageRequestModeMap,
} from '../../src/remoting/bodies/assignment.js';
import { asObject } from '../json.js';
import type { TableFile } from '../topics/index.js';

/** What counts for groups that nobody chose a mode for. */
export interface RequestModePolicy {
  readonly defaultMessageRequestMode: 'PULL' | 'POP';
  readonly defaultPopShareQueueNum: number;
}

/** How each group gets the messages of each topic. Owns config/messageRequestMode.json, saved at each change. */
export class RequestModeManager {
  readonly #file: TableFile;
  readonly #policy: RequestModePolicy;
  #modes: MessageRequestModeMap = new Map();

  /** @param options.policy read at each use */
  constructor(options: { file: TableFile; policy: RequestModePolicy }) {
    this.#file = options.file;
    this.#policy = options.policy;
  }

  load(): void {
    const content = asObject(this.#file.load());
    if (content !== null) this.#modes = toMessageRequestModeMap(content as JsonObject);
  }

  set(mode: SetMessageRequestModeRequestBody): void {
    let groups = this.#modes.get(mode.topic);
    if (groups === undefined) {
      groups = new Map();
      this.#modes.set(mode.topic, groups);
    }
    groups.set(mode.consumerGroup, mode);
    this.#save();
  }

  /** The chosen mode, or the default one: pulling for retry topics. */
  modeOf(topic: string, consumerGroup: string): SetMessageRequestModeRequestBody {
    const chosen = this.#modes.get(topic)?.get(consumerGroup);
    if (chosen !== undefined) return chosen;
    const { defaultMessageRequestMode, defaultPopShareQueueNum } = this.#policy;
    const mode = isRetryTopic(topic) ? 'PULL' : defaultMessageRequestMode;
    return { topic, consumerGroup, mode, popShareQueueNum: mode === 'POP' ? defaultPopShareQueueNum : 0 };
  }

  /** What messageRequestMode.json and GET_ALL_MESSAGE_REQUEST_MODE (402) hold. */
  toTable(): unknown {
    return messageRequestModes(this.#modes);
  }

  get saveProblem(): string | null {
    return this.#file.problem;
  }

  saveAgain(): void {
    if (this.#file.problem !== null) this.#save();
  }

  #save(): void {
    this.#file.save(this.toTable());
  }
}
