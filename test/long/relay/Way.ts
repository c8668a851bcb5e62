import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { pause } from './redisServer.ts';

/** A way to Redis that can be disturbed. */
export class Way {
  readonly #sockets = new Set<Socket>();
  readonly #port: number;
  readonly #server = createServer((near) => {
    const far = connect(this.#port, '127.0.0.1');
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      this.#sockets.add(from);
      from.on('error', () => {});
      from.on('close', () => {
        this.#sockets.delete(from);
        to.destroy();
      });
      from.on('data', async (data) => {
        from.pause();
        await pause(this.delay);
        if (!to.destroyed) to.write(data);
        if (!this.isStill) from.resume();
      });
    }
  });
  delay = 0;
  isStill = false;

  private constructor(port: number) {
    this.#port = port;
  }

  static async to(port: number): Promise<Way> {
    const way = new Way(port);
    await new Promise<void>((resolve) => way.#server.listen(0, '127.0.0.1', resolve));
    return way;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  /** The connections end, as when a cable is pulled and something notices. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  async standStill(milliseconds: number): Promise<void> {
    this.isStill = true;
    for (const socket of this.#sockets) socket.pause();
    await pause(milliseconds);
    this.isStill = false;
    for (const socket of this.#sockets) socket.resume();
  }

  close(): void {
    this.cut();
    this.#server.close();
  }
}
