import { Controller, Get, Header, Inject } from '@nestjs/common';
import { Metrics } from './metrics.js';

@Controller()
export class StatusController {
  constructor(@Inject(Metrics) private readonly metrics: Metrics) {}

  @Get('health')
  async health(): Promise<object> {
    return { status: 'ok', openReplies: await this.metrics.openReplies };
  }

  @Get('metrics')
  @Header('content-type', 'text/plain; version=0.0.4; charset=utf-8')
  measured(): Promise<string> {
    return this.metrics.registry.metrics();
  }
}
