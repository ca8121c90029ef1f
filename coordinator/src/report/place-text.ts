import type { Place } from '../analysis/place.ts';
import { stripControl } from './strip-control.ts';

/** A place in words: device and backend. */
export function placeText(place: Pick<Place, 'deviceName' | 'backendId'> | undefined): string {
  return place ? stripControl(`${place.deviceName} / ${place.backendId}`) : 'unknown place';
}
