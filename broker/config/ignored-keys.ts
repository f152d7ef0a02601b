/** A key that tutorials and old files carry, and that Apache's nodes ignore. */
export interface IgnoredKey {
  readonly why: string;
  /** The key that does what the file seems to want. */
  readonly use?: string;
}

/** Keys without a setter in Apache 4.9 and 5.3: ignored there without a word, ignored here with one warning. */
export const IGNORED_KEYS: Readonly<Record<string, IgnoredKey>> = {
  mapedFileSizeCommitLog: { why: 'Apache ignores this spelling, so the default file size stays', use: 'mappedFileSizeCommitLog' },
  mapedFileSizeConsumeQueue: { why: 'Apache ignores this spelling, so the default file size stays', use: 'mappedFileSizeConsumeQueue' },
  mapedFileSizeConsumeQueueExt: { why: 'Apache ignores this spelling', use: 'mappedFileSizeConsumeQueueExt' },
  mappedFileSizeBatchConsumeQueue: { why: 'Apache spells this key differently', use: 'mapperFileSizeBatchConsumeQueue' },
  destroyMappedFileIntervalForcibly: { why: 'Apache spells this key with one p', use: 'destroyMapedFileIntervalForcibly' },
  warmMappedFileEnable: { why: 'Apache spells this key with one p', use: 'warmMapedFileEnable' },
  flushLeastPagesWhenWarmMappedFile: { why: 'Apache spells this key with one p', use: 'flushLeastPagesWhenWarmMapedFile' },
  storePathConsumeQueue: { why: 'the consume queue is always below the store root', use: 'storePathRootDir' },
  storePathIndex: { why: 'the index is always below the store root', use: 'storePathRootDir' },
  storeCheckpoint: { why: 'the checkpoint is always below the store root', use: 'storePathRootDir' },
  abortFile: { why: 'the abort file is always below the store root', use: 'storePathRootDir' },
  checkTransactionMessageEnable: { why: 'no release since 4.0 reads it' },
};
