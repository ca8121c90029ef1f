const prefix = 'spiffe://qfleet/device/';
const idPattern = /^dev_[a-z2-7]{26}$/;

/** The name that a device has in its certificate, as a URI. */
export function deviceUri(deviceId: string): string {
  return `${prefix}${deviceId}`;
}

/** The device id in a certificate's subject alternative names as Node prints them; undefined unless there is exactly one name and it is one of ours. */
export function deviceIdOf(subjectAltName: string | undefined): string | undefined {
  const uri = /^URI:(\S+)$/.exec(subjectAltName ?? '')?.[1];
  if (!uri?.startsWith(prefix)) return undefined;
  const id = uri.slice(prefix.length);
  return idPattern.test(id) ? id : undefined;
}
