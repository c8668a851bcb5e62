export { inspect } from './inspect.ts';
export type { InspectConfig, InspectedValve, ObservableLike } from './InspectConfig.ts';
export { attachInspector } from './attachInspector.ts';
export type { AttachInspectorOptions } from './attachInspector.ts';
export { connectInspector } from './connectInspector.ts';
export type { ConnectInspectorOptions } from './connectInspector.ts';
export type { StreamMeter } from '../flow/StreamMeter.ts';
export { Inspection } from './Inspection.ts';
export type {
  InspectedBlock,
  InspectedDepth,
  InspectedLane,
  InspectedMark,
  InspectedRun,
  InspectedStage,
  InspectionOptions,
} from './Inspection.ts';
export type {
  InspectorEntry,
  ReportedError,
  ReportedEvent,
  ReportedValue,
} from './InspectorEntry.ts';
export { drawInspection, inspectionStyle } from './drawInspection.ts';
export type { DrawnInspection, InspectionView, PlacedMarble } from './drawInspection.ts';
export { svgElement } from './drawing/svg.ts';
export type { SvgNode } from './drawing/svg.ts';
export type { Kind, Label } from './drawing/labelOf.ts';
