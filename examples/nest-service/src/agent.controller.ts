import { Body, Controller, Inject, Post, Res } from '@nestjs/common';
import { pipeToResponse, Valve } from 'claude-rx';
import { AG_UI_SSE, fromRunInput, toAgUi } from 'claude-rx/ag-ui';
import type { Response } from 'express';
import { AgentRequest } from './agent-request.js';
import { AgentService } from './agent.service.js';
import { readPage } from './read-page.js';

@Controller('api')
export class AgentController {
  constructor(@Inject(AgentService) private readonly agent: AgentService) {}

  /** A run of AG-UI, for CopilotKit, TanStack AI, and `HttpAgent`. */
  @Post('agent')
  run(@Body({ schema: AgentRequest }) input: AgentRequest, @Res() response: Response): void {
    const valve = new Valve();
    const events$ = this.agent.run(readPage(fromRunInput, input), valve).pipe(toAgUi(input));
    pipeToResponse(events$, response, { ...AG_UI_SSE, valve, heartbeat: 10_000 });
  }
}
