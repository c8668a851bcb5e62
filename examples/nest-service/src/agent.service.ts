import type Anthropic from '@anthropic-ai/sdk';
import { Inject, Injectable } from '@nestjs/common';
import type { StreamEvent, Valve } from 'claude-rx';
import {
  type DefinedTool,
  defineTool,
  runTools,
  type ToolAnswer,
  type ToolEvent,
  type TurnParams,
} from 'claude-rx/tools';
import type { Observable } from 'rxjs';
import { z } from 'zod';
import { ChatService } from './chat.service.js';

const tools = [
  defineTool({
    name: 'get_weather',
    description: 'The weather in a city',
    input: z.object({ city: z.string() }),
    run: ({ city }) => ({ city, sky: 'clear', celsius: 24 }),
  }),
  defineTool({
    name: 'book_hotel',
    description: 'Books a hotel. The user is asked first.',
    input: z.object({ city: z.string(), nights: z.number() }),
    run: ({ city, nights }) => `Booked ${nights} nights in ${city}.`,
  }),
];

/** What a page has sent, in either of the two formats. */
interface AgentRun {
  messages: Anthropic.MessageParam[];
  /** The tools that the page runs. */
  tools?: DefinedTool[];
  answers?: ToolAnswer[] | undefined;
}

/** Loops of tools: some run here, some in the page, and one waits for the user's approval. */
@Injectable()
export class AgentService {
  constructor(@Inject(ChatService) private readonly chat: ChatService) {}

  run(
    { messages, tools: pageTools = [], answers }: AgentRun,
    valve: Valve,
  ): Observable<StreamEvent | ToolEvent> {
    const request = (params: TurnParams<{ messages: object[] }>): Observable<StreamEvent> =>
      this.chat.request({ messages: params.messages, tools: params.tools }, valve);
    return runTools(
      request,
      { messages },
      {
        tools: [...tools, ...pageTools],
        answers,
        maxTurns: 10,
        approve: ({ name }) => (name === 'book_hotel' ? 'defer' : true),
      },
    );
  }
}
