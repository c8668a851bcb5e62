import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { type StreamEvent, Valve } from 'claude-rx';
import { createRelay } from 'claude-rx/relay';
import { defineTool, type ToolEvent } from 'claude-rx/tools';
import { toUiMessages, type UiMessageChunk, type UiRequest } from 'claude-rx/ui';
import { concatMap, from, map, type Observable } from 'rxjs';
import { z } from 'zod';
import { AgentService } from './agent.service.js';

/** How many chats are remembered, and for how long a reply is kept. */
const MOST_CHATS = 10_000;
const KEPT_MS = 600_000;

/** Tools without `run`: the page runs them, and sends their results. */
const pageTools = [
  defineTool({
    name: 'get_time_zone',
    description: 'The time zone of the user',
    input: z.object({}),
  }),
];

/**
 * The replies of pages that are built on the AI SDK. A relay keeps each of them for some minutes, so that a reload or
 * a lost connection does not end it. This one is in memory, for one node; with a `RedisStore`, and `runs`
 * in the database of the chats, any node can serve any reader.
 */
@Injectable()
export class UiService implements OnApplicationShutdown {
  private readonly relay = createRelay<StreamEvent | ToolEvent>({ ttl: KEPT_MS });
  /** The runs that the last message of each chat is made of: another one follows each answer of the page. */
  private readonly runs = new Map<string, readonly string[]>();

  constructor(@Inject(AgentService) private readonly agent: AgentService) {}

  async reply(
    chat: string,
    { messages, answers, messageId }: UiRequest,
    reader: Valve,
  ): Promise<Observable<UiMessageChunk>> {
    // A chat has one reply at a time: the page may have lost the one before.
    await this.stop(chat);
    const valve = new Valve();
    const reply$ = this.agent.run({ messages, answers, tools: pageTools }, valve);
    const { id } = await this.relay.publish(reply$, { valve });
    const earlier = messageId === undefined ? [] : (this.runs.get(chat) ?? []);
    this.remember(chat, [...earlier, id]);
    return this.follow([id], reader, messageId);
  }

  /**
   * The whole message, since a page begins it anew; also one that is over, as the page may have lost its end. A page
   * takes 204 for a good end.
   */
  async resume(chat: string, reader: Valve): Promise<Observable<UiMessageChunk> | undefined> {
    const runs = this.runs.get(chat) ?? [];
    const found = await Promise.all(runs.map((id) => this.relay.status(id)));
    if (runs.length === 0 || found.includes(undefined)) return undefined;
    return this.follow(runs, reader);
  }

  async stop(chat: string): Promise<void> {
    const id = this.runs.get(chat)?.at(-1);
    if (id !== undefined) await this.relay.stop(id);
  }

  async onApplicationShutdown(): Promise<void> {
    await this.relay.close();
  }

  private follow(
    runs: readonly string[],
    valve: Valve,
    messageId?: string,
  ): Observable<UiMessageChunk> {
    return from(runs).pipe(
      concatMap((id) => this.relay.follow(id, { valve, keepContent: false })),
      map(({ event }) => event),
      toUiMessages({ messageId }),
    );
  }

  private remember(chat: string, runs: readonly string[]): void {
    // The chat that was used last is the last one of the map.
    this.runs.delete(chat);
    this.runs.set(chat, runs);
    if (this.runs.size <= MOST_CHATS) return;
    for (const oldest of this.runs.keys()) return void this.runs.delete(oldest);
  }
}
