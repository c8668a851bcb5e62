import { testJsonProperties } from './jsonProperties.ts';

testJsonProperties(300, 20_000);
