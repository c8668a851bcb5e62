import { Body, Controller, Get, HttpCode, Inject, Param, Post, Res } from '@nestjs/common';
import { pipeToResponse, Valve } from 'claude-rx';
import { fromUiMessages, UI_MESSAGE_SSE, type UiMessageChunk } from 'claude-rx/ui';
import type { Response } from 'express';
import type { Observable } from 'rxjs';
import { readPage } from './read-page.js';
import { UiRequest } from './ui-request.js';
import { UiService } from './ui.service.js';

/** The three requests of a page that is built on the AI SDK: `useChat`, assistant-ui, AI Elements. */
@Controller('api/ui')
export class UiController {
  constructor(@Inject(UiService) private readonly ui: UiService) {}

  /** The next reply of a chat. */
  @Post()
  async reply(
    @Body({ schema: UiRequest }) { id, messages }: UiRequest,
    @Res() response: Response,
  ): Promise<void> {
    const valve = new Valve();
    send(await this.ui.reply(id, readPage(fromUiMessages, messages), valve), response, valve);
  }

  /** The reply once more from its start, for `resumeStream()`; 204 where there is none. */
  @Get(':chat/stream')
  async resume(@Param('chat') chat: string, @Res() response: Response): Promise<void> {
    const valve = new Valve();
    const chunks$ = await this.ui.resume(chat, valve);
    if (chunks$) send(chunks$, response, valve);
    else response.status(204).end();
  }

  /** Ends the reply for all who read it. */
  @Post(':chat/stop')
  @HttpCode(204)
  async stop(@Param('chat') chat: string): Promise<void> {
    await this.ui.stop(chat);
  }
}

/** The valve is that of this reader: while it is slow, its copy of the reply waits. */
function send(chunks$: Observable<UiMessageChunk>, response: Response, valve: Valve): void {
  pipeToResponse(chunks$, response, { ...UI_MESSAGE_SSE, valve, heartbeat: 10_000 });
}
