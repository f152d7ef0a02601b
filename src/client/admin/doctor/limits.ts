/** Where findings begin. */
export interface DoctorLimits {
  /** Messages of a group that nobody has consumed. */
  readonly lagWarning: number;
  readonly lagCritical: number;
  /** Messages that wait for another try. */
  readonly retryWarning: number;
  /** Messages in a dead-letter topic. */
  readonly deadLetterWarning: number;
  /** Percent of a disk; null takes the broker's own limits. */
  readonly diskWarning: number | null;
  readonly diskCritical: number | null;
  readonly clockSkewMs: number;
  /** Bytes of the commit log that a slave does not have yet; at its own haMaxGapNotInSync a master no longer counts it. */
  readonly slaveLagWarning: number;
  /** Part of a broker's own limit of waiting time from which on a thread pool is busy, 0..1. */
  readonly queueWaitPart: number;
}

export const DEFAULT_LIMITS: DoctorLimits = {
  lagWarning: 1_000,
  lagCritical: 100_000,
  retryWarning: 100,
  deadLetterWarning: 1,
  diskWarning: null,
  diskCritical: null,
  clockSkewMs: 2_000,
  slaveLagWarning: 16 * 1024 * 1024,
  queueWaitPart: 0.5,
};

/** Between two readings of the offsets of groups that are behind, ms; clients store offsets every 5 s. */
export const DEFAULT_INTERVAL_MS = 6_000;
/** Members of groups that are asked what they do, at most. */
export const DEFAULT_MAX_CLIENTS = 2_000;

/** Limits of brokers that do not say theirs. */
export const USUAL_SETTINGS = {
  diskMaxUsedSpaceRatio: 75,
  diskSpaceCleanForciblyRatio: 85,
  diskSpaceWarningLevelRatio: 90,
  osPageCacheBusyTimeOutMills: 1_000,
  waitTimeMillsInSendQueue: 200,
  waitTimeMillsInPullQueue: 5_000,
  waitTimeMillsInAckQueue: 3_000,
  haMaxGapNotInSync: 256 * 1024 * 1024,
} as const;

/** What the rules know beside the facts. */
export interface RuleContext {
  readonly limits: DoctorLimits;
  /** Command line of mqadmin from its words, quoted where a shell needs it. */
  readonly mqadmin: (...words: readonly string[]) => string;
  /** The name servers as they were given. */
  readonly namesrvAddrs: readonly string[];
}
