export type { RedisClient, RedisClusterClient, RedisSentinelClient } from './RedisClient.ts';
export { RedisStore, type RedisStoreOptions } from './RedisStore.ts';
