import { Logger, StandardSchemaValidationPipe } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { ApiErrorFilter } from './api-error.filter.js';
import { appModule } from './app.module.js';
import { readSettings } from './settings.js';

/** The Angular app, where it has been built. */
const BUILT = fileURLToPath(new URL('../../angular-chat/dist/browser', import.meta.url));

const settings = readSettings(process.env);
const app = await NestFactory.create<NestExpressApplication>(appModule(settings), {
  forceCloseConnections: true,
});
// A conversation is larger than the 100 kB that are the default.
app.useBodyParser('json', { limit: '4mb' });
app.useGlobalPipes(new StandardSchemaValidationPipe());
app.useGlobalFilters(new ApiErrorFilter());
app.disable('x-powered-by');
app.enableShutdownHooks();
const pages = settings.PAGES ?? BUILT;
if (existsSync(pages)) app.useStaticAssets(pages);
await app.listen(settings.PORT);

const played = settings.ANTHROPIC_API_KEY
  ? ''
  : ' (replies are played: ANTHROPIC_API_KEY is not set)';
new Logger('Service').log(
  `Listening on ${(await app.getUrl()).replace('[::1]', 'localhost')}${played}`,
);
