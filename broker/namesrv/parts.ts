import type { Clock } from '../../src/common/clock.js';
import type { Logger } from '../../src/common/logger.js';
import type { LoadedConfig } from '../config/index.js';
import type { KvConfig } from './kv-config.js';
import type { RouteInfo } from './route-info.js';

/** What the processors of a name server share. */
export interface NamesrvParts {
  readonly config: LoadedConfig;
  readonly routes: RouteInfo;
  readonly kv: KvConfig;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Time since the start. */
  upForMs(): number;
}
