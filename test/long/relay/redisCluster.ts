import { freePort, pause, RedisServer } from './redisServer.ts';

const SLOTS = 16_384;

/** A cluster of redis-servers on loopback: three masters, and a replica for each. */
export class RedisCluster {
  readonly servers: readonly RedisServer[];

  private constructor(servers: readonly RedisServer[]) {
    this.servers = servers;
  }

  static async start(masters = 3, replicas = masters): Promise<RedisCluster> {
    const servers = await Promise.all(
      Array.from({ length: masters + replicas }, async () => {
        const bus = await freePort();
        const server = await RedisServer.start(
          '--cluster-enabled yes',
          `--cluster-port ${bus}`,
          '--cluster-node-timeout 1000',
          '--cluster-replica-validity-factor 0',
          '--appendonly yes',
          '--repl-diskless-sync-delay 0',
        );
        return Object.assign(server, { bus });
      }),
    );
    const cluster = new RedisCluster(servers);
    const [first] = servers;
    for (const { port, bus } of servers.slice(1)) {
      await first!.command('CLUSTER', 'MEET', '127.0.0.1', String(port), String(bus));
    }
    await Promise.all(
      servers.slice(0, masters).map((server, index) => {
        const [from, to] = [index, index + 1].map((at) => Math.floor((SLOTS * at) / masters));
        return server.command('CLUSTER', 'ADDSLOTSRANGE', String(from), String(to! - 1));
      }),
    );
    await cluster.#until('cluster_known_nodes', String(servers.length));
    await Promise.all(
      servers.slice(masters).map(async (server, index) => {
        const id = await servers[index]!.command('CLUSTER', 'MYID');
        await server.command('CLUSTER', 'REPLICATE', String(id));
      }),
    );
    await cluster.#until('cluster_state', 'ok');
    for (const server of servers.slice(masters)) {
      while (!String(await server.command('INFO', 'replication')).includes('link_status:up')) {
        await pause(20);
      }
    }
    return cluster;
  }

  get rootNodes(): { url: string }[] {
    return this.servers.map(({ url }) => ({ url }));
  }

  async close(): Promise<void> {
    await Promise.all(this.servers.map((server) => server.close()));
  }

  /** Until all of them say so. */
  async #until(field: string, value: string): Promise<void> {
    for (const server of this.servers) {
      while (!String(await server.command('CLUSTER', 'INFO')).includes(`${field}:${value}\r\n`)) {
        await pause(20);
      }
    }
  }
}

/** A master, its replicas, and three sentinels that watch over them. */
export class RedisSentinels {
  readonly name = 'chat';
  readonly master: RedisServer;
  readonly #servers: readonly RedisServer[];
  readonly #sentinels: readonly RedisServer[];

  private constructor(servers: readonly RedisServer[], sentinels: readonly RedisServer[]) {
    this.master = servers[0]!;
    this.#servers = servers;
    this.#sentinels = sentinels;
  }

  static async start(replicas = 1): Promise<RedisSentinels> {
    const fast = '--repl-diskless-sync-delay 0';
    const master = await RedisServer.start(fast);
    const copies = await Promise.all(
      Array.from({ length: replicas }, () =>
        RedisServer.start(`--replicaof 127.0.0.1 ${master.port}`, fast),
      ),
    );
    for (const replica of copies) {
      while (!String(await replica.command('INFO', 'replication')).includes('link_status:up')) {
        await pause(20);
      }
    }
    const sentinels = await Promise.all([1, 2, 3].map(() => RedisServer.startSentinel()));
    for (const sentinel of sentinels) {
      const set = (...args: string[]) => sentinel.command('SENTINEL', ...args);
      await set('MONITOR', 'chat', '127.0.0.1', String(master.port), '2');
      await set('SET', 'chat', 'down-after-milliseconds', '1000', 'failover-timeout', '5000');
    }
    for (const sentinel of sentinels) {
      const isReady = new RegExp(`slaves=${replicas},sentinels=3`);
      while (!isReady.test(String(await sentinel.command('INFO', 'sentinel')))) await pause(50);
    }
    return new RedisSentinels([master, ...copies], sentinels);
  }

  /** Until one of the replicas is the master. */
  async promoted(): Promise<void> {
    const [sentinel] = this.#sentinels;
    const ask = () => sentinel!.command('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', this.name);
    while (((await ask()) as unknown[]).map(String)[1] === String(this.master.port))
      await pause(100);
  }

  get sentinelRootNodes(): { host: string; port: number }[] {
    return this.#sentinels.map(({ port }) => ({ host: '127.0.0.1', port }));
  }

  async close(): Promise<void> {
    await Promise.all([...this.#sentinels, ...this.#servers].map((server) => server.close()));
  }
}
