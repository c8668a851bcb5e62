import type { DynamicModule } from '@nestjs/common';
import { AgentController } from './agent.controller.js';
import { AgentService } from './agent.service.js';
import { ChatController } from './chat.controller.js';
import { ChatService } from './chat.service.js';
import { Claude } from './claude.js';
import { Metrics } from './metrics.js';
import { SETTINGS, type Settings } from './settings.js';
import { StatusController } from './status.controller.js';
import { UiController } from './ui.controller.js';
import { UiService } from './ui.service.js';

class AppModule {}

/** The service, with the settings that it is given. */
export function appModule(settings: Settings): DynamicModule {
  return {
    module: AppModule,
    controllers: [AgentController, ChatController, StatusController, UiController],
    providers: [
      AgentService,
      ChatService,
      Metrics,
      UiService,
      { provide: SETTINGS, useValue: settings },
      { provide: Claude, useFactory: () => Claude.connect(settings) },
    ],
  };
}
