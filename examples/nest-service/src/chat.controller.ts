import { Body, Controller, Inject, Post, Query, Res, Sse, UseGuards } from '@nestjs/common';
import { pipeToResponse, Valve } from 'claude-rx';
import { type SseMessage, toMessageEvents } from 'claude-rx/nest';
import type { Response } from 'express';
import { identity, type Observable } from 'rxjs';
import { AskQuery, ChatRequest } from './chat-request.js';
import { ChatService } from './chat.service.js';
import { cutConnection } from './demo/cut-connection.js';
import { NoReconnect } from './no-reconnect.guard.js';
import { SETTINGS, type Settings } from './settings.js';

@Controller('api')
export class ChatController {
  constructor(
    @Inject(ChatService) private readonly chat: ChatService,
    @Inject(SETTINGS) private readonly settings: Settings,
  ) {}

  /** The next turn of a conversation, for `fromResponse(fetch(...))`. */
  @Post('chat')
  reply(@Body({ schema: ChatRequest }) request: ChatRequest, @Res() response: Response): void {
    const valve = new Valve();
    const isCut = this.settings.FAULTS && request.fault === 'cut';
    const reply$ = this.chat.reply(request, valve).pipe(isCut ? cutConnection(response) : identity);
    pipeToResponse(reply$, response, { valve, heartbeat: 10_000 });
  }

  /** One question, for a browser's `EventSource`. */
  @Sse('ask')
  @UseGuards(NoReconnect)
  ask(
    @Query({ schema: AskQuery }) { prompt }: AskQuery,
    @Res({ passthrough: true }) response: Response,
  ): Observable<SseMessage> {
    const valve = new Valve();
    return this.chat
      .reply({ messages: [{ role: 'user', content: prompt }] }, valve)
      .pipe(toMessageEvents({ response, valve, heartbeat: 10_000 }));
  }
}
