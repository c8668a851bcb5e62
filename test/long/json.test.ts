import { testJsonProperties } from '../src/json/jsonProperties.ts';

testJsonProperties(Number(process.env.JSON_RUNS ?? 5_000), 10 * 60_000);
