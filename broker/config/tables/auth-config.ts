// Keys of 5.x authentication and authorization, which a broker reads from the same file.
import { bool, type ConfigValues, int, text } from '../key.js';

/** Keys of `AuthConfig`, in Apache's order. */
export const AUTH_CONFIG = {
  authenticationEnabled: bool(false, 'require signatures', { since: '5.x' }),
  authenticationProvider: text('', 'class names', { since: '5.x' }),
  authenticationMetadataProvider: text('', 'class names', { since: '5.x' }),
  authenticationStrategy: text('', 'class names', { since: '5.x' }),
  authenticationWhitelist: text('', 'request codes, comma list', { since: '5.x' }),
  initAuthenticationUser: text('', 'JSON {"username":"…","password":"…"}', { since: '5.x' }),
  innerClientAuthenticationCredentials: text('', 'JSON {"accessKey":"…","secretKey":"…"}', { since: '5.x' }),
  authorizationEnabled: bool(false, 'check permissions', { since: '5.x' }),
  authorizationProvider: text('', 'class names', { since: '5.x' }),
  authorizationMetadataProvider: text('', 'class names', { since: '5.x' }),
  authorizationStrategy: text('', 'class names', { since: '5.x' }),
  authorizationWhitelist: text('', 'request codes', { since: '5.x' }),
  migrateAuthFromV1Enabled: bool(false, 'import plain_acl.yml', { since: '5.x' }),
  userCacheMaxNum: int(1000, 'cached users', { since: '5.x' }),
  aclCacheMaxNum: int(1000, 'cached rules', { since: '5.x' }),
  userCacheExpiredSecond: int(600, 'cache', { since: '5.x', unit: 's' }),
  aclCacheExpiredSecond: int(600, 'cache', { since: '5.x', unit: 's' }),
  userCacheRefreshSecond: int(60, 'cache', { since: '5.x', unit: 's' }),
  aclCacheRefreshSecond: int(60, 'cache', { since: '5.x', unit: 's' }),
  statefulAuthenticationCacheMaxNum: int(10000, 'cache', { since: '5.x' }),
  statefulAuthorizationCacheMaxNum: int(10000, 'cache', { since: '5.x' }),
  statefulAuthenticationCacheExpiredSecond: int(60, 'cache', { since: '5.x', unit: 's' }),
  statefulAuthorizationCacheExpiredSecond: int(60, 'cache', { since: '5.x', unit: 's' }),
} as const;

export type AuthConfigValues = ConfigValues<typeof AUTH_CONFIG>;
