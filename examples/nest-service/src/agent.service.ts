import { Inject, Injectable } from '@nestjs/common';
import type { StreamEvent, Valve } from 'claude-rx';
import { type AgUiEvent, type RunInput, toAgUi } from 'claude-rx/ag-ui';
import { defineTool, runTools, type TurnParams } from 'claude-rx/tools';
import type { Observable } from 'rxjs';
import { z } from 'zod';
import type { AgentRequest } from './agent-request.js';
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

/** Loops of tools: some run here, some in the page, and one waits for the user's approval. */
@Injectable()
export class AgentService {
  constructor(@Inject(ChatService) private readonly chat: ChatService) {}

  run(
    input: AgentRequest,
    { messages, tools: pageTools, answers }: RunInput,
    valve: Valve,
  ): Observable<AgUiEvent> {
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
    ).pipe(toAgUi(input));
  }
}
