export type { RedisClient } from './RedisClient.ts';
export { RedisStore, type RedisStoreOptions } from './RedisStore.ts';
