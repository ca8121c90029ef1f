import { describeCertificateEnd } from '../config/describe-certificate-end.ts';
import { isServiceError } from './grpc-error.ts';

/** Why a session ended. */
export interface EndReason {
  readonly message: string;
  /** Whether it will still hold in a minute. */
  readonly isLasting: boolean;
}

/** The link that is broken. */
export interface BrokenLink {
  /** `host:port`. */
  readonly coordinator: string;
  /** Until when this device's certificate holds, milliseconds since 1970. */
  readonly certificateEndsAtMs: number;
  readonly wasWelcomed: boolean;
}

interface Cause {
  /** In what gRPC passes on of Node's and OpenSSL's words. */
  readonly pattern: RegExp;
  readonly explain: (coordinator: string) => string;
  readonly isLasting: boolean;
}

const causes: readonly Cause[] = [
  {
    pattern: /ECONNREFUSED/,
    explain: (coordinator) =>
      `Nothing listens at ${coordinator} (connection refused). Start the coordinator there (./qfleet up), or correct the address: --coordinator HOST:PORT or agent.yaml.`,
    isLasting: false,
  },
  {
    pattern: /ENOTFOUND|EAI_AGAIN|Name resolution failed/,
    explain: (coordinator) =>
      `The name in ${coordinator} is not known here. Correct the address (--coordinator HOST:PORT or agent.yaml), or the network's DNS.`,
    isLasting: false,
  },
  {
    pattern: /EHOSTUNREACH|ENETUNREACH|ETIMEDOUT/,
    explain: (coordinator) =>
      `${coordinator} cannot be reached from here. Check the network, a firewall in between, and the address.`,
    isLasting: false,
  },
  {
    pattern: /self-signed certificate|unable to (get|verify).*certificate|certificate signature failure/i,
    explain: (coordinator) =>
      `${coordinator} is another coordinator than this identity was made for: its certificate is not signed by the identity's ca.crt. Connect to the right one, or make an identity there: ./qfleet device add NAME --out DIR.`,
    isLasting: true,
  },
  {
    pattern: /does not match certificate's altnames/i,
    explain: (coordinator) =>
      `The certificate at ${coordinator} is of this identity's authority, and not a coordinator's as this agent knows it. Update and restart the coordinator: it then makes itself a new one.`,
    isLasting: false,
  },
  {
    pattern: /certificate (has expired|is not yet valid)/i,
    explain: (coordinator) =>
      `The certificate of ${coordinator} is not valid at this device's time, ${new Date().toISOString()}. Set the clock of whichever is wrong (timedatectl).`,
    isLasting: false,
  },
  {
    pattern: /wrong version number|packet length too long/i,
    explain: (coordinator) =>
      `What listens at ${coordinator} does not speak TLS: it is not the coordinator's port for agents (./qfleet up prints that one).`,
    isLasting: true,
  },
];

/** Why no connection came about, in words that say what to do; undefined where it is nothing known. */
export function explainBrokenLink(error: unknown, link: BrokenLink): EndReason | undefined {
  if (!isServiceError(error)) return undefined;
  const cause = causes.find(({ pattern }) => pattern.test(error.details));
  const nowMs = Date.now();
  const hasExpired = link.certificateEndsAtMs <= nowMs;
  const own = hasExpired ? (describeCertificateEnd(link.certificateEndsAtMs, nowMs) ?? '') : '';
  if (cause) {
    // By a clock that is far ahead both certificates have expired, and the coordinator's is only the first to be seen.
    const isBoth = hasExpired && /certificate/i.test(error.details);
    const message = cause.explain(link.coordinator);
    return { message: isBoth ? `${message} ${own}` : message, isLasting: isBoth || cause.isLasting };
  }
  if (link.wasWelcomed || !cutOff.test(error.details)) return undefined;
  // The coordinator looks at the certificate after the handshake, and closes the connection without a word.
  return hasExpired ? { message: own, isLasting: true } : { message: explainCut(link), isLasting: false };
}

/** What gRPC says of a connection that the other side closed while it was made. */
const cutOff =
  /ECONNRESET|EPIPE|socket hang up|before secure TLS|connection dropped|Last error: Failed to connect/i;

function explainCut({ coordinator, certificateEndsAtMs }: BrokenLink): string {
  const [end, now] = [certificateEndsAtMs, Date.now()].map((ms) => new Date(ms).toISOString());
  return `${coordinator} closed the connection before it welcomed this device (connection reset). Either it is stopping, or it does not accept this device's certificate, which ends on ${end}; this device's clock says ${now}. Compare that with the coordinator's clock (date), and see there: ./qfleet device ls.`;
}
