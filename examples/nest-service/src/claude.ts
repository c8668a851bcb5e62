import Anthropic from '@anthropic-ai/sdk';
import type { OnApplicationShutdown } from '@nestjs/common';
import { MessagesServer } from 'claude-rx/testing';
import { playReply } from './demo/play-reply.js';
import type { Settings } from './settings.js';

/** The client of the API: of the real one with a key, else of a server on loopback that plays. */
export class Claude implements OnApplicationShutdown {
  private constructor(
    readonly client: Anthropic,
    private readonly server?: MessagesServer,
  ) {}

  static async connect({ ANTHROPIC_API_KEY: apiKey }: Settings): Promise<Claude> {
    if (apiKey) return new Claude(new Anthropic({ apiKey }));
    const server = await MessagesServer.start();
    server.handle(playReply);
    return new Claude(new Anthropic({ apiKey: 'none', baseURL: server.url }), server);
  }

  async onApplicationShutdown(): Promise<void> {
    await this.server?.close();
  }
}
