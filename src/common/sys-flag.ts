/** Bits of a message's sysFlag. */
export const MessageSysFlag = {
  COMPRESSED: 0x1,
  MULTI_TAGS: 0x2,
  TRANSACTION_NOT_TYPE: 0,
  TRANSACTION_PREPARED_TYPE: 0x4,
  TRANSACTION_COMMIT_TYPE: 0x8,
  TRANSACTION_ROLLBACK_TYPE: 0xc,
  BORNHOST_V6: 0x10,
  STOREHOST_V6: 0x20,
  NEED_UNWRAP: 0x40,
  INNER_BATCH: 0x80,
  COMPRESSION_LZ4: 0x100,
  COMPRESSION_ZSTD: 0x200,
  COMPRESSION_ZLIB: 0x300,
} as const;

const TRANSACTION_MASK = 0xc;
const COMPRESSION_MASK = 0x700;

/** The two transaction bits: one of the `TRANSACTION_*` values. */
export function transactionType(sysFlag: number): number {
  return sysFlag & TRANSACTION_MASK;
}

export function withTransactionType(sysFlag: number, type: number): number {
  return (sysFlag & ~TRANSACTION_MASK) | type;
}

export function isCompressed(sysFlag: number): boolean {
  return (sysFlag & MessageSysFlag.COMPRESSED) !== 0;
}

/** Compression type bits: 0x100 LZ4, 0x200 ZSTD, 0x300 ZLIB; none means ZLIB (old clients). */
export function compressionBits(sysFlag: number): number {
  return sysFlag & COMPRESSION_MASK;
}

/** The bits that say whether and how the body is compressed. */
export function compressionFlags(sysFlag: number): number {
  return sysFlag & (MessageSysFlag.COMPRESSED | COMPRESSION_MASK);
}

/** The flag of the body after inflating it. */
export function clearCompressed(sysFlag: number): number {
  return sysFlag & ~(MessageSysFlag.COMPRESSED | COMPRESSION_MASK);
}

/** Bits of the sysFlag of a pull request. */
export const PullSysFlag = { COMMIT_OFFSET: 0x1, SUSPEND: 0x2, SUBSCRIPTION: 0x4, CLASS_FILTER: 0x8, LITE_PULL: 0x10 } as const;

/** Builds the sysFlag of a pull request. */
export function buildPullSysFlag(bits: {
  commitOffset?: boolean;
  suspend?: boolean;
  subscription?: boolean;
  classFilter?: boolean;
  litePull?: boolean;
}): number {
  return (
    (bits.commitOffset ? PullSysFlag.COMMIT_OFFSET : 0) |
    (bits.suspend ? PullSysFlag.SUSPEND : 0) |
    (bits.subscription ? PullSysFlag.SUBSCRIPTION : 0) |
    (bits.classFilter ? PullSysFlag.CLASS_FILTER : 0) |
    (bits.litePull ? PullSysFlag.LITE_PULL : 0)
  );
}

/** Bits of a topic's topicSysFlag. */
export const TopicSysFlag = { UNIT: 0x1, UNIT_SUB: 0x2 } as const;
